"""Products that nobody watches yet: found in Keepa's lists, looked at, and promoted to the watchlist or given up."""
