-- Alerts of a type, the latest first.
CREATE INDEX IF NOT EXISTS alerts_type ON alerts (json_extract(CAST(document AS TEXT), '$.type'), at, id);
