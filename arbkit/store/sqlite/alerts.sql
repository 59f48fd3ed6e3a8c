-- Alerts with what became of each on every channel.
CREATE TABLE alerts (
    id TEXT PRIMARY KEY, asin TEXT NOT NULL, rule TEXT NOT NULL, status TEXT NOT NULL, at REAL NOT NULL,
    demo INTEGER NOT NULL, document BLOB NOT NULL
);
CREATE INDEX alerts_at ON alerts (at, id);
CREATE INDEX alerts_status ON alerts (status, at, id);
CREATE INDEX alerts_asin ON alerts (asin, at, id);
CREATE TABLE deliveries (
    alert TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE, channel TEXT NOT NULL, status TEXT NOT NULL,
    attempts INTEGER NOT NULL, priority REAL NOT NULL, at REAL, PRIMARY KEY (alert, channel)
) WITHOUT ROWID;
CREATE INDEX deliveries_pending ON deliveries (channel, attempts, priority DESC) WHERE status = 'pending';
CREATE INDEX deliveries_sent ON deliveries (channel, at) WHERE status = 'sent';
