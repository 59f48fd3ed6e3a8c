"""What to look at next: the money that a look is expected to reveal, per token. Pure, and knows no profit model."""
