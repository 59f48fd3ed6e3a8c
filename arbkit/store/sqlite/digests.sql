-- What a row is known by again. NULL: written before there were digests.
ALTER TABLE offers ADD COLUMN digest BLOB;
ALTER TABLE history ADD COLUMN digest BLOB;
