"""Channels of alerts: what ``alerts.toml`` says of them, the messages that they show, and how these are sent."""
