"""Realised sales: the lines of settlements, and which purchase each unit came from."""
