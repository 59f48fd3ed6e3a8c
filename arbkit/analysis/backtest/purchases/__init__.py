"""Purchases at past days: whether they would have sold, and what they would have earned."""
