-- Looks that somebody asked for, one a product and marketplace, and what became of them.
CREATE TABLE looks (
    asin TEXT NOT NULL, market TEXT NOT NULL, asked_at REAL NOT NULL, status TEXT NOT NULL, answered_at REAL, why TEXT,
    PRIMARY KEY (asin, market)
) WITHOUT ROWID;
CREATE INDEX looks_status ON looks (status, asked_at);
