"""``python -m arbkit`` is ``arbkit``."""

from arbkit.cli import main

main()
