"""reilab runs fork: options of a fork, none of which has a default but the parent's value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from reilab.methods.registry import method_settings, methods
from reilab.record.folder import RunFolder, find_run
from reilab.runs.fork import changeable, fork, forked_name
from reilab.settings import field_types, settings_of
from reilab.training.config import TrainConfig

ASSUMED = "What the losses take the noise to be."


def parse_fork(argv: Sequence[str]) -> RunFolder:
    """Make the run folder that ``reilab runs fork …`` asks for.

    Raises:
        ValueError: see ``fork``.
        FileNotFoundError: there is no such run.
        FileExistsError: the folder exists.
        SystemExit: a malformed option (status 2), or ``--help``.
    """
    settings = settings_of(TrainConfig) | method_settings()
    helps = {name: setting.help for name, setting in settings.items()}
    types = field_types(TrainConfig) | {"assumed_noise": float}
    for one in methods().values():
        types = types | field_types(one.spec)
    own: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("run", Annotated[tyro.conf.Positional[str], tyro.conf.arg(help="Name or folder.")]),
        ("step", Annotated[int, tyro.conf.arg(help="Where to fork: a step that was kept.")]),
        _option("out", Path, "Run folder to make; a new one beside RUN otherwise."),
    ]
    changes: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        _option(n, types[n], helps.get(n, ASSUMED)) for n in changeable()
    ]
    options: Any = tyro.cli(
        make_dataclass("Fork", own + changes),
        prog="reilab runs fork",
        description="Go on from a moment in the past of a run, with other settings.",
        args=list(argv),
    )
    given = {name: value for name, value in asdict(options).items() if value is not None}
    parent = find_run(given.pop("run"))
    step = given.pop("step")
    out = given.pop("out", forked_name(parent, step))
    return fork(parent, step, given, out)


def _option(name: str, kind: Any, told: str) -> tuple[str, Any, Any]:
    return name, Annotated[kind | None, tyro.conf.arg(help=told)], field(default=None)
