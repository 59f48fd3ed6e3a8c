-- From the first format to the second.
-- Filters and sums read every row: the documents, forty times as large, are not among them.
ALTER TABLE opportunities RENAME TO opportunities_before;
DROP INDEX opportunities_profit;
DROP INDEX opportunities_asin;

CREATE TABLE opportunities (
    id TEXT PRIMARY KEY, asin TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, title TEXT,
    brand TEXT, category TEXT, profit REAL NOT NULL, roi_pct REAL NOT NULL, margin_pct REAL NOT NULL,
    spread_pct REAL NOT NULL, confidence REAL NOT NULL, data_at INTEGER NOT NULL, buy_price REAL NOT NULL,
    sell_price REAL NOT NULL, currency TEXT NOT NULL, evaluated_at REAL NOT NULL, amazon_sells INTEGER
);
CREATE TABLE opportunity_documents (id TEXT PRIMARY KEY, document BLOB NOT NULL);
INSERT INTO opportunities SELECT
    id, asin, source, target, title, brand, category, profit, roi_pct, margin_pct, spread_pct, confidence, data_at,
    buy_price, sell_price, currency, evaluated_at, NULL FROM opportunities_before;
INSERT INTO opportunity_documents SELECT id, document FROM opportunities_before;
DROP TABLE opportunities_before;
CREATE INDEX opportunities_profit ON opportunities (profit, id);
CREATE INDEX opportunities_asin ON opportunities (asin);

-- All that filters look at, in the order of routes: sums need neither the table nor a sort.
CREATE INDEX opportunities_routes ON opportunities (
    source, target, profit, roi_pct, margin_pct, confidence, data_at, amazon_sells, category, brand, asin, id
);
CREATE INDEX opportunities_category ON opportunities (category);
CREATE INDEX opportunities_brand ON opportunities (brand);

-- What is counted for the head of every page, and how old it is on each marketplace.
DROP INDEX offers_updated;
CREATE INDEX offers_ages ON offers (market, updated_at);
CREATE INDEX products_demo ON products (demo);
