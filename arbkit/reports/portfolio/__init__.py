"""The report of a portfolio: its figure, its page and its shopping list as files."""
