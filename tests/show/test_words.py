"""Numbers as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit.lab_runs import write_run

from reilab.events import SetAssumedNoise, SetWeight, Steered
from reilab.record.history import history_of
from reilab.show.words import parse_number, steering_log


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


def test_an_assumed_noise_is_told_of_those_that_use_it(tmp_path: Path) -> None:
    history = history_of(write_run(tmp_path, "run", ("supervised", "ei")).events())
    for method in ("supervised", "ei"):
        history.add(Steered(method, 9, SetAssumedNoise(0.3)))
        history.add(Steered(method, 10, SetWeight("mc", 2.0)))
    none, both = steering_log(history)
    assert none == "Step 9: assumed noise = 0.3 (no method of this run uses it)"
    assert both == "Step 10: weight of mc = 2 (EI, Supervised)"
    mixed = history_of(write_run(tmp_path, "mixed", ("rei", "ei")).events())
    for method in ("rei", "ei"):
        mixed.add(Steered(method, 9, SetAssumedNoise(0.3)))
    assert "Step 9: assumed noise = 0.3 (REI)" in steering_log(mixed)
