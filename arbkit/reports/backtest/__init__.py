"""The report of a backtest: its figures and its page."""
