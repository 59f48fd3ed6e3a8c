-- What makes a log of the second format one of the third. A new file goes through it too.
-- seen: when retention looked at the clock last, held_until: the time before which nothing is removed by its age
CREATE TABLE log_clock (id INTEGER PRIMARY KEY CHECK (id = 1), seen REAL NOT NULL, held_until REAL NOT NULL);

-- NULL: written before there were digests
ALTER TABLE log_messages ADD COLUMN digest BLOB;
INSERT OR REPLACE INTO log_meta VALUES ('version', 3);
