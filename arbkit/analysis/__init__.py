"""What stored facts mean: routes, detection, demand, listings, fees."""
