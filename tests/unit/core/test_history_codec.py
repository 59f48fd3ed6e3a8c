"""What a search can go by in a packed history."""

from __future__ import annotations

from array import array

from arbkit.core.keepa_time import to_unix
from arbkit.core.models import Series
from arbkit.core.offers.history_codec import Summary, encode, summarise


def series(times: list[int], values: list[int], shipping: list[int] | None = None) -> Series:
    return Series(array("i", times), array("i", values), None if shipping is None else array("i", shipping))


def test_the_summary_of_a_history_says_what_its_points_say() -> None:
    packed = encode(
        {
            "new": series([7_900_000, 7_950_000], [2_000, 1_990]),
            "buy_box": series([7_950_000, 7_990_000], [2_100, 2_050], [0, 399]),
            "amazon": series([7_960_000], [-1]),
            "used": series([], []),
            "buy_box_seller": series([7_950_000, 7_990_000], [0, 1]),
        },
        ("A1", "A2"),
    )
    assert summarise(packed) == Summary(
        first_at=to_unix(7_900_000),
        last_at=to_unix(7_990_000),
        points=7,
        names=("new", "buy_box", "amazon", "buy_box_seller"),
        # Nothing is offered by Amazon, and what shipping costs is no price.
        latest={"new": 1_990, "buy_box": 2_050, "buy_box_seller": "A2"},
    )


def test_an_empty_history_has_a_summary_without_times() -> None:
    assert summarise(encode({}, ())) == Summary(None, None, 0, (), {})
