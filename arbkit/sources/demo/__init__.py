"""The demo market: invented products behind a Keepa-compatible address."""
