"""What the producer asks for next: a plain round, or the planner fed from the store; and what it will come to."""
