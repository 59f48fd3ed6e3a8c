-- Who may do what only one process may, and until when.
CREATE TABLE IF NOT EXISTS leases (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, taken_at REAL NOT NULL, expires_at REAL NOT NULL
);
