"""Forecasts that were shown, as they are kept, and what came."""
