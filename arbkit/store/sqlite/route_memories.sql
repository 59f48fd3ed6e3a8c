-- What alerts remember of routes, also of those that ended a short while ago.
CREATE TABLE route_memories (
    asin TEXT NOT NULL, route TEXT NOT NULL, memory BLOB NOT NULL, ended_at REAL, PRIMARY KEY (asin, route)
) WITHOUT ROWID;
CREATE INDEX route_memories_ended ON route_memories (ended_at) WHERE ended_at IS NOT NULL;
