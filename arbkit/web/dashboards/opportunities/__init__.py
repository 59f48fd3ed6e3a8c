"""The opportunities page."""
