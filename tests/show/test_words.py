"""Numbers as people write them."""

from __future__ import annotations

import pytest

from reilab.show.words import parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", 3),
        ("3.0", 3),
        ("1,5", 1.5),
        ("0,125", 0.125),
        ("-2,5e3", -2500),
        ("1e300", 1e300),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, number: float) -> None:
    found = parse_number(text)
    assert found == number
    assert isinstance(found, int) == isinstance(number, int)


@pytest.mark.parametrize("text", ["", "x", "1,000", "1,2,3", "0x1"])
def test_what_may_mean_two_things_is_left_to_the_settings(text: str) -> None:
    assert parse_number(text) == text
