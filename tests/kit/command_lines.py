"""What a command line asks for, without carrying it out."""

from __future__ import annotations

from typing import Any
from unittest import mock

from reilab.cli import train
from reilab.cli.main import main
from reilab.runs.config import RunConfig
from reilab.tasks.registry import Task


def asked_by(*words: str) -> RunConfig:
    """The configuration of ``reilab train`` or ``compare``."""
    found: list[RunConfig] = []

    def keep(task: Task, asked: Any) -> None:
        found.append(train.config_of(task, asked))

    with mock.patch.object(train, "run_methods", keep):
        main(words)
    return found[0]
