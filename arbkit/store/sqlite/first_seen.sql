-- When the store first held a product, in Unix seconds. NULL: before there were such times.
ALTER TABLE products ADD COLUMN first_seen INTEGER;
