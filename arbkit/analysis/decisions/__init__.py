"""Decisions as they are taken, listed and carried to another store."""
