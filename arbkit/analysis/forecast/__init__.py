"""Forecasts from a product's history, each a distribution."""
