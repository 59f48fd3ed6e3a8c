"""Keepa's API: its client, its answers as they arrive, its product objects, and what they cost."""
