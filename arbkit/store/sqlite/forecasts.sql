-- Forecasts are filtered and sorted by. Routes that were stored without one have none until they are priced anew.
ALTER TABLE opportunities ADD COLUMN profit_chance_pct REAL;
ALTER TABLE opportunities ADD COLUMN profit_p10 REAL;
ALTER TABLE opportunities ADD COLUMN expected_profit REAL;
ALTER TABLE opportunities ADD COLUMN expected_profit_per_day_pct REAL;
ALTER TABLE opportunities ADD COLUMN sold_in_30_days_pct REAL;
ALTER TABLE opportunities ADD COLUMN days_to_sell_p50 REAL;
CREATE INDEX opportunities_per_day ON opportunities (expected_profit_per_day_pct, profit, id);
DROP INDEX IF EXISTS opportunities_routes;
CREATE INDEX opportunities_routes ON opportunities (
    status, source, target, profit, roi_pct, margin_pct, confidence, data_at, amazon_sells, category, brand,
    profit_chance_pct, profit_p10, expected_profit, expected_profit_per_day_pct, sold_in_30_days_pct, days_to_sell_p50,
    asin, id
);

-- What waits for a channel goes by the expected profit per day of capital, of which NULL, the unknown, is the last.
ALTER TABLE deliveries ADD COLUMN profit_per_day REAL;
DROP INDEX IF EXISTS deliveries_pending;
CREATE INDEX deliveries_pending ON deliveries (channel, attempts, profit_per_day DESC, priority DESC)
    WHERE status = 'pending';
