"""What was forecast of each purchase against what came of it, and sales as they are taken in."""
