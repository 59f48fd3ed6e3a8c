-- Whoever holds opportunities in memory asks for those of products whose routes were written after a number.
ALTER TABLE products ADD COLUMN routed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX products_routed ON products (routed);
