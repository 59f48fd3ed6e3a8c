-- The number of the change that a product came with last, and what the stored detection was made of.
ALTER TABLE products ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX products_changed ON products (changed);
CREATE TABLE detection_basis (changes INTEGER NOT NULL, inputs TEXT NOT NULL);
