"""``arbkit alerts``: rules of alerts, and their delivery."""
