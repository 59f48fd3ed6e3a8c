"""Products that come in through the browser: lists that are pasted or chosen."""
