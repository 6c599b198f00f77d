"""reilab app | train | compare | evaluate | reconstruct | reproduce | tasks | runs | data."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from reilab.cli.data import manage_data
from reilab.cli.dryrun import show_trial
from reilab.cli.evaluate import evaluate_networks
from reilab.cli.options import parse_run
from reilab.cli.reconstruct import reconstruct_files
from reilab.cli.runs import manage_runs
from reilab.cli.work import carry_out
from reilab.record.folder import RunFolder, runs_root
from reilab.runs.config import build
from reilab.runs.trial import try_out
from reilab.settings import choose
from reilab.tasks.registry import tasks
from reilab.training.team import join

USAGE = """reilab: see networks learn to image from noisy, incomplete measurements alone

  reilab app                 the lab, in a browser
  reilab compare TASK        train several methods side by side
  reilab train TASK          train one method
  reilab evaluate TASK       what trained networks are worth
  reilab reconstruct TASK    apply a trained network to measurements
  reilab reproduce           run the paper's grid, headless
  reilab tasks               the inverse problems there are
  reilab runs list|show|resume|fork|export|delete
  reilab data list|check|prepare

Add --help to any of them for its options."""


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the ``reilab`` command; bad input ends with status 2 and one clear line."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return
    try:
        COMMANDS[choose("command", words[0], COMMANDS)](words[1:])
    except (ValueError, FileNotFoundError, FileExistsError, RuntimeError) as error:
        Console(stderr=True).print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


def run_methods(command: str, argv: Sequence[str]) -> None:
    """``reilab train`` and ``reilab compare``."""
    if not argv or argv[0] in ("-h", "--help"):
        print(f"usage: reilab {command} TASK [options]; TASK is one of: {', '.join(tasks())}")
        return
    config, options = parse_run(command, argv)
    if options.dry_run:
        show_trial(config, try_out(config))
        return
    team = join(config.device)
    # Everything that can be wrong with the input is found before the folder is made.
    build(config, team)
    path = options.out or runs_root() / config.new_name()
    if team.rank == 0:
        RunFolder.create(path, config.to_yaml())
    carry_out(RunFolder(team.told(path)), team, as_json=options.json)


def list_tasks(argv: Sequence[str]) -> None:
    """``reilab tasks``."""
    if argv:
        raise ValueError(f"`reilab tasks` takes no options, got {' '.join(argv)}")
    table = Table("task", "what it is", "noise", "presets")
    for name, task in tasks().items():
        unit = task.settings[task.noise].unit
        noise = f"{task.noise} [{unit}]" if unit else task.noise
        table.add_row(name, task.summary, noise.replace("[", "\\["), ", ".join(task.presets))
    Console().print(table)


@dataclass(frozen=True)
class App:
    """Serve the lab at http://127.0.0.1:PORT."""

    port: Annotated[int, tyro.conf.arg(help="Port on 127.0.0.1.")] = 5006
    open: Annotated[bool, tyro.conf.arg(help="Open a browser.")] = True


def serve_app(argv: Sequence[str]) -> None:
    """``reilab app``."""
    options = tyro.cli(App, prog="reilab app", args=list(argv))
    # The one command that needs the GUI packages.
    from reilab.lab.page import serve

    serve(options.port, runs_root(), options.open)


def reproduce_grid(argv: Sequence[str]) -> None:
    """``reilab reproduce``."""
    # Notebooks and clusters are needed by no other command.
    from reilab.cli.reproduce import reproduce

    reproduce(argv)


COMMANDS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "app": serve_app,
    "compare": lambda argv: run_methods("compare", argv),
    "train": lambda argv: run_methods("train", argv),
    "evaluate": evaluate_networks,
    "reconstruct": reconstruct_files,
    "reproduce": reproduce_grid,
    "tasks": list_tasks,
    "runs": manage_runs,
    "data": manage_data,
}
