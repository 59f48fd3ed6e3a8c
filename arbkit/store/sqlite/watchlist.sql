-- What users said of the products on their watchlist, and which are on it. The demo market has a list of its own.
CREATE TABLE IF NOT EXISTS watchlist (
    asin TEXT NOT NULL, demo INTEGER NOT NULL, groups TEXT NOT NULL, notes TEXT NOT NULL, added_at REAL,
    listed INTEGER NOT NULL, PRIMARY KEY (asin, demo)
) WITHOUT ROWID;
-- One row a list: how often it has changed, and of which file's content it was adopted.
CREATE TABLE IF NOT EXISTS watchlists (demo INTEGER PRIMARY KEY, version INTEGER NOT NULL, digest TEXT);
INSERT OR IGNORE INTO watchlists VALUES (0, 0, NULL), (1, 0, NULL);
