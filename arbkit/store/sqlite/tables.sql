-- The first format: all tables but offers, whose columns are the fields of an offer.
CREATE INDEX offers_updated ON offers (updated_at);

CREATE TABLE history (
    asin TEXT NOT NULL, market TEXT NOT NULL, version INTEGER NOT NULL, currency TEXT NOT NULL,
    series BLOB NOT NULL, PRIMARY KEY (asin, market)
);

CREATE TABLE products (
    asin TEXT PRIMARY KEY, version INTEGER NOT NULL, demo INTEGER NOT NULL, title TEXT, brand TEXT,
    category TEXT, updated_at INTEGER NOT NULL, eans TEXT NOT NULL, image TEXT, markets TEXT NOT NULL,
    best TEXT, best_profit REAL, best_margin REAL
);
CREATE INDEX products_updated ON products (updated_at, asin);
CREATE INDEX products_profit ON products (best_profit, asin);
CREATE VIRTUAL TABLE product_text USING fts5 (words, tokenize = 'unicode61', prefix = '2 3');

CREATE TABLE opportunities (
    id TEXT PRIMARY KEY, asin TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, title TEXT,
    brand TEXT, category TEXT, profit REAL NOT NULL, roi_pct REAL NOT NULL, margin_pct REAL NOT NULL,
    spread_pct REAL NOT NULL, confidence REAL NOT NULL, data_at INTEGER NOT NULL, buy_price REAL NOT NULL,
    sell_price REAL NOT NULL, currency TEXT NOT NULL, evaluated_at REAL NOT NULL, document BLOB NOT NULL
);
CREATE INDEX opportunities_profit ON opportunities (profit, id);
CREATE INDEX opportunities_asin ON opportunities (asin);

CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, report TEXT NOT NULL, started_at REAL NOT NULL, document BLOB NOT NULL
);
CREATE INDEX runs_started ON runs (started_at);
CREATE INDEX runs_report ON runs (report, started_at);
