"""What people decide about products, routes and brands: events that are only ever added, and which of them holds."""
