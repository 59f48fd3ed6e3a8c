"""Exports from files to the log: their days, their rows, what became of each."""
