"""A file of columns is read as it was written, or refused."""

from __future__ import annotations

import stat
from pathlib import Path

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.analysis.market.column_file import ForeignFileError, map_columns, write_columns

TYPES = st.sampled_from([np.dtype(name) for name in ("f4", "f8", "i1", "i8", "u4", "?", "S10")])
COLUMNS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    TYPES.flatmap(
        lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=9))
    ),
    max_size=6,
)


@given(columns=COLUMNS, texts=st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=9)), max_size=3))
@hypothesis_settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(
    columns: dict[str, np.ndarray], texts: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("columns") / "made" / "some.offers"
    checksum = write_columns(path, columns, texts=texts)
    found = map_columns(path)
    assert found.checksum == checksum
    assert found.texts == texts
    assert found.columns.keys() == columns.keys()
    for name, values in columns.items():
        np.testing.assert_array_equal(found.columns[name], values)
        assert found.columns[name].dtype == values.dtype
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_only_the_user_may_read_it(tmp_path: Path) -> None:
    write_columns(tmp_path / "some", {"a": np.arange(3)})
    assert stat.S_IMODE((tmp_path / "some").stat().st_mode) == 0o600


def test_whatever_byte_is_changed_or_wherever_it_is_torn_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some"
    write_columns(path, {"a": np.arange(9.0), "b": np.array([b"x"])}, texts={"c": ["d"]})
    whole = path.read_bytes()
    for place, byte in enumerate(whole):
        for damaged in (whole[:place], whole[:place] + bytes([byte ^ 0x40]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            with pytest.raises(ForeignFileError):
                map_columns(path)


def test_what_is_read_stays_when_the_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "some"
    write_columns(path, {"a": np.arange(5)})
    found = map_columns(path)
    write_columns(path, {"a": np.zeros(7)})
    found.rest()
    assert found.columns["a"].tolist() == [0, 1, 2, 3, 4]
