"""What works inside the kernel of a report's notebook, and how its program talks to it."""
