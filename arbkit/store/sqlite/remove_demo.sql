-- What the demo market invented. A product that has real offers too stays, to be composed anew.
UPDATE products SET demo = 1 WHERE asin IN (SELECT asin FROM offers WHERE source = 'demo');
DELETE FROM history WHERE (asin, market) IN (SELECT asin, market FROM offers WHERE source = 'demo');
DELETE FROM offers WHERE source = 'demo';
DELETE FROM opportunity_documents WHERE id IN (
    SELECT id FROM opportunities WHERE asin IN (SELECT asin FROM products WHERE demo = 1)
);
DELETE FROM opportunities WHERE asin IN (SELECT asin FROM products WHERE demo = 1);
INSERT INTO store_meta VALUES ('routes_removed', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1;
DELETE FROM windows WHERE demo = 1;
DELETE FROM route_memories WHERE asin IN (SELECT asin FROM products WHERE demo = 1);
DELETE FROM outbox WHERE sent = 0 AND key IN (SELECT asin FROM products WHERE demo = 1);
DELETE FROM forecasts WHERE demo = 1;
DELETE FROM forecast_notes WHERE demo = 1;
DELETE FROM decisions WHERE demo = 1;
DELETE FROM sales WHERE demo = 1;
DELETE FROM alerts WHERE status = 'pending' AND demo = 1;
DELETE FROM product_text WHERE rowid IN (
    SELECT rowid FROM products WHERE demo = 1 AND asin NOT IN (SELECT asin FROM offers)
);
DELETE FROM products WHERE demo = 1 AND asin NOT IN (SELECT asin FROM offers);
UPDATE products SET version = -1 WHERE demo = 1;
