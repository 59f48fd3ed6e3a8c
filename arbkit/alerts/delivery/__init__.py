"""Delivery of alerts: from the topic into the store, and from there to the channels of ``alerts.toml``."""
