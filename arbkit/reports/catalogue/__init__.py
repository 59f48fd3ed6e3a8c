"""The reports that can be run: those that come with arbkit, and the user's own notebooks."""
