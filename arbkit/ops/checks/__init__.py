"""What ``arbkit doctor`` looks at."""
