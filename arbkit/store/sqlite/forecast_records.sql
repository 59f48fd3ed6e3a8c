-- Forecasts that were shown, with what came, and notes made from all of them, by name.
CREATE TABLE IF NOT EXISTS forecasts (
    id TEXT PRIMARY KEY, demo INTEGER NOT NULL, made_on TEXT NOT NULL, draw INTEGER NOT NULL, ends_at REAL NOT NULL,
    scored INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS forecasts_draw ON forecasts (demo, made_on, draw);
CREATE INDEX IF NOT EXISTS forecasts_due ON forecasts (ends_at) WHERE scored = 0;
CREATE TABLE IF NOT EXISTS forecast_notes (
    name TEXT NOT NULL, demo INTEGER NOT NULL, document BLOB NOT NULL, PRIMARY KEY (name, demo)
) WITHOUT ROWID;
