"""The file in which somebody says who sells."""
