"""Decisions in both kinds of store, and as conditions of their queries."""
