-- Lines of settlements: what was sold, refunded and charged.
CREATE TABLE IF NOT EXISTS sales (
    id TEXT PRIMARY KEY, day TEXT NOT NULL, asin TEXT, demo INTEGER NOT NULL, document BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS sales_of_product ON sales (asin, day);
