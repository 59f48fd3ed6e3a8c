"""Profit: what a route will leave once the unit is sold, as a distribution, and what makes it wide."""
