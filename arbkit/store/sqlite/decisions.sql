-- What people decided about products, routes and brands: rows are only ever added. The scope is the route, or empty.
CREATE TABLE IF NOT EXISTS decisions (
    key TEXT NOT NULL, version INTEGER NOT NULL, scope TEXT NOT NULL, demo INTEGER NOT NULL, document BLOB NOT NULL,
    PRIMARY KEY (key, version)
);
CREATE INDEX IF NOT EXISTS decisions_last ON decisions (key, scope, version);
INSERT OR IGNORE INTO store_meta VALUES ('decided', 0);
