"""What every service does the same way: logs, signals, addresses, heartbeat, metrics."""
