-- What must be published once the change that it was written with holds.
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0
);
