"""Scripts that import a module of arbkit 0.1 are told its new name."""

from __future__ import annotations

import importlib

import pytest

from arbkit.core.renamed import renamed


@pytest.mark.parametrize("old", sorted(renamed()))
def test_an_old_name_is_answered_with_the_new_one_which_exists(old: str) -> None:
    # Importing a.b imports a first, and that may be an old name itself.
    room = old.partition(".")[0]
    met_first = room if room in renamed() else old
    with pytest.raises(ImportError, match=f"^arbkit.{met_first} is arbkit.{renamed()[met_first]} since arbkit 0.2$"):
        importlib.import_module(f"arbkit.{old}")
    importlib.import_module(f"arbkit.{renamed()[old]}")
