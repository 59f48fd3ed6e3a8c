"""The endpoints for decisions, and what they answer."""
