"""The endpoints for realised sales, and what they answer."""
