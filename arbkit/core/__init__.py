"""What every room builds on: errors, settings, models, marketplaces, files."""
