-- Demand, competition and the place of the price are filtered and sorted by. Routes that were stored without them have
-- none until they are priced anew.
ALTER TABLE opportunities ADD COLUMN rank INTEGER;
ALTER TABLE opportunities ADD COLUMN rank_drops30 INTEGER;
ALTER TABLE opportunities ADD COLUMN rank_drops90 INTEGER;
ALTER TABLE opportunities ADD COLUMN monthly_sold INTEGER;
ALTER TABLE opportunities ADD COLUMN sellers INTEGER;
ALTER TABLE opportunities ADD COLUMN amazon_share90_pct REAL;
ALTER TABLE opportunities ADD COLUMN sell_position_pct REAL;
DROP INDEX IF EXISTS opportunities_routes;
CREATE INDEX opportunities_routes ON opportunities (
    status, source, target, profit, roi_pct, margin_pct, confidence, data_at, amazon_sells, category, brand,
    profit_chance_pct, profit_p10, expected_profit, expected_profit_per_day_pct, sold_in_30_days_pct, days_to_sell_p50,
    rank, rank_drops30, rank_drops90, monthly_sold, sellers, amazon_share90_pct, sell_position_pct, buy_price,
    asin, id
);
