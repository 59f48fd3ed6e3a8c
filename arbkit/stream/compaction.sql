-- What makes a log of the third format one of the fourth. A new file goes through it too.
-- compacted: of each key only the last message is kept
ALTER TABLE log_topics ADD COLUMN compacted INTEGER NOT NULL DEFAULT 0;

-- clean: the offset before which that is so, kept: how many messages there are before it
ALTER TABLE log_partitions ADD COLUMN clean INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log_partitions ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
INSERT OR REPLACE INTO log_meta VALUES ('version', 4);
