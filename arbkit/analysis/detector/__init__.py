"""What keeps opportunities current: products priced as they change, and announced when one is new."""
