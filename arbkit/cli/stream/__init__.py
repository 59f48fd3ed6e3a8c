"""Commands about the log: what is on it, who reads it, and its dead letters."""
