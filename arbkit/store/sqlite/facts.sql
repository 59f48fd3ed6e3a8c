-- What users typed in. The market is empty where it holds on every marketplace.
CREATE TABLE facts (
    asin TEXT NOT NULL, market TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (asin, market, name)
) WITHOUT ROWID;
