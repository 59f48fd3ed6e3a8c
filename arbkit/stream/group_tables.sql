-- What consumer groups keep.
CREATE TABLE log_offsets (
    group_name TEXT NOT NULL,
    partition_id INTEGER NOT NULL REFERENCES log_partitions (id),
    committed INTEGER NOT NULL,
    PRIMARY KEY (group_name, partition_id)
) WITHOUT ROWID;

-- The process that consumed as this group last: only a lock on a file says whether it still does.
CREATE TABLE log_owners (group_name TEXT PRIMARY KEY, pid INTEGER NOT NULL) WITHOUT ROWID;
