-- What each product's routes were made of: its change, and the generation of the inputs.
ALTER TABLE products ADD COLUMN priced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN priced_with INTEGER NOT NULL DEFAULT 0;
DROP INDEX products_changed;
CREATE INDEX products_unpriced ON products (asin, demo) WHERE changed > priced;
CREATE TABLE detection_inputs (generation INTEGER PRIMARY KEY AUTOINCREMENT, inputs TEXT NOT NULL);
DROP TABLE detection_basis;
CREATE TABLE swept (inputs TEXT NOT NULL);
CREATE INDEX opportunities_evaluated ON opportunities (evaluated_at);

CREATE TABLE windows (
    id TEXT PRIMARY KEY, asin TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, started_at INTEGER NOT NULL,
    ended_at INTEGER, best_profit REAL NOT NULL, currency TEXT NOT NULL, known_at REAL NOT NULL, demo INTEGER NOT NULL
);
CREATE INDEX windows_of ON windows (asin, ended_at);
-- What is an opportunity already is none before.
INSERT INTO windows SELECT
    id || ':0', asin, source, target, data_at, NULL, profit, currency, evaluated_at,
    asin IN (SELECT asin FROM products WHERE demo = 1)
    FROM opportunities WHERE status = 'opportunity';
