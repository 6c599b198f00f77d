"""reilab runs fork: options of a fork, none of which has a default but the parent's value."""

from __future__ import annotations

from inspect import Parameter
from pathlib import Path
from typing import Any

import tyro

from reilab.cli.tree import option, with_options
from reilab.cli.work import carry_out
from reilab.methods.registry import method_settings, methods
from reilab.record.folder import find_run
from reilab.runs.fork import changeable, fork, forked_name
from reilab.settings import field_types, settings_of
from reilab.training.config import TrainConfig
from reilab.training.team import ALONE

ABOUT = "Go on from a moment in the past of a run, with other settings."
ASSUMED = "What the losses take the noise to be."


def _options() -> list[Parameter]:
    helps = {n: one.help for n, one in (settings_of(TrainConfig) | method_settings()).items()}
    types = field_types(TrainConfig) | {"assumed_noise": float}
    for one in methods().values():
        types = types | field_types(one.spec)
    return [
        option("run", tyro.conf.Positional[str], Parameter.empty, "Name or folder."),
        option("step", int, Parameter.empty, "Where to fork: a step that was kept."),
        option("out", Path | None, None, "Run folder to make; a new one beside RUN otherwise."),
        *(option(n, types[n] | None, None, helps.get(n, ASSUMED)) for n in changeable()),
    ]


def _fork(asked: Any) -> None:
    given = {name: value for name, value in vars(asked).items() if value is not None}
    parent, step = find_run(given.pop("run")), given.pop("step")
    out = given.pop("out", forked_name(parent, step))
    carry_out(fork(parent, step, given, out), ALONE, as_json=False)


fork_run = with_options(_fork, ABOUT, _options())
