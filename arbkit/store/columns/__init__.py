"""Opportunities as columns in the memory of a process that answers many questions, followed from the store."""
