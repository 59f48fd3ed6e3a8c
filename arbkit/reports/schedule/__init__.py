"""When reports run."""
