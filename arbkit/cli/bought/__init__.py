"""Commands about what was decided, bought and sold."""
