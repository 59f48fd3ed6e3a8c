"""What a history says: its values at any time, and the few figures of its last 90 days that travel with the offer."""
