"""Settings: bounds, nearest matches, and what the lab and the command line read from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

import pytest

from reilab.settings import Setting, choose, field_types, override, settings_of
from reilab.training.config import TrainConfig


@dataclass(frozen=True)
class Spec:
    level: Annotated[float, Setting("Level.", unit="dB", low=0.0, high=9.0)] = 1.0
    count: Annotated[int, Setting("Count.", positive=True, multiple_of=4)] = 8
    kind: Annotated[str, Setting("Kind.", choices=("a", "b"))] = "a"
    free: str = "x"


def test_settings_and_types_are_read_from_the_fields() -> None:
    assert list(settings_of(Spec)) == ["level", "count", "kind"]
    assert settings_of(Spec)["level"].unit == "dB"
    assert field_types(Spec) == {"level": float, "count": int, "kind": str, "free": str}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"level": -1.0}, "level = -1.0 is too small; the least is 0 dB"),
        ({"level": 10.0}, "level = 10.0 is too large; the most is 9 dB"),
        ({"level": float("inf")}, "level = inf is not finite"),
        ({"level": "loud"}, "level = 'loud' is not a number"),
        ({"level": True}, "level = True is not a number"),
        ({"count": 0}, "count = 0 must be greater than 0"),
        ({"count": 6}, "count = 6 must be a multiple of 4"),
        ({"count": 4.5}, "count = 4.5 is not a whole number"),
        ({"kind": "c"}, "kind = 'c' is not one of: a, b"),
        ({"lvel": 1.0}, "Did you mean 'level'?"),
    ],
)
def test_bad_values_name_field_value_and_remedy(values: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        override(Spec(), values)


def test_good_values_pass() -> None:
    assert override(Spec(), {"level": 3, "count": 12}) == Spec(3, 12)


def test_choose_lists_all_options() -> None:
    with pytest.raises(
        ValueError, match=r"unknown pet 'dgo'\. Did you mean 'dog'\? Known: cat, dog"
    ):
        choose("pet", "dgo", ["cat", "dog"])


def test_every_training_setting_has_help() -> None:
    settings = settings_of(TrainConfig)
    assert set(settings) == set(field_types(TrainConfig))
    assert all(setting.help.endswith(".") for setting in settings.values())


def test_the_learning_rate_drops_at_milestones() -> None:
    config = TrainConfig(milestones=(10, 20))
    rates = [config.learning_rate_at(step, 1.0) for step in (0, 9, 10, 19, 20)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01])
