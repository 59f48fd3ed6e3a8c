-- Topics, partitions and messages.
CREATE TABLE log_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE log_topics (
    name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, max_age_s REAL, max_bytes INTEGER
) WITHOUT ROWID;

-- oldest: first offset kept, next: offset of the next message, bytes: sum of the values kept
CREATE TABLE log_partitions (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL REFERENCES log_topics (name),
    partition INTEGER NOT NULL,
    oldest INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, partition)
);

-- headers: a JSON object, or NULL for none, value is last because it overflows the page
CREATE TABLE log_messages (
    id INTEGER PRIMARY KEY, timestamp REAL NOT NULL, key TEXT NOT NULL, headers TEXT, value BLOB NOT NULL
);
