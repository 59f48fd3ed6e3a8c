-- Routes that are no opportunity are kept too, with why.
ALTER TABLE opportunities ADD COLUMN status TEXT NOT NULL DEFAULT 'opportunity';
DROP INDEX opportunities_routes;
DROP INDEX opportunities_category;
DROP INDEX opportunities_brand;
CREATE INDEX opportunities_category ON opportunities (status, category);
CREATE INDEX opportunities_brand ON opportunities (status, brand);
CREATE INDEX opportunities_routes ON opportunities (
    status, source, target, profit, roi_pct, margin_pct, confidence, data_at, amazon_sells, category, brand, asin, id
);
