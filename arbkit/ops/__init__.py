"""Running arbkit: supervisor, status, doctor, set-up."""
