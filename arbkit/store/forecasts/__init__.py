"""The record of forecasts in both kinds of store."""
