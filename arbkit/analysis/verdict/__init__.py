"""The verdict of a route in a sentence: buy, watch or pass, by rules that a user can read and edit."""
