"""Leases: what only one process may do at a time, on whichever machine."""
