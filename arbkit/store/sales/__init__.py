"""Realised sales in both stores."""
