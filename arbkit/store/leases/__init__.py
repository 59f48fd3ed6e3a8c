"""Leases in both kinds of store."""
