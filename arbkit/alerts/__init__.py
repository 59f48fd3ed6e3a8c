"""Alerts: which of the stored routes' changes are announced, by the rules of ``alerts.toml``."""
