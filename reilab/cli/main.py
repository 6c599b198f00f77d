"""reilab app | train | compare | evaluate | reconstruct | reproduce | tasks | runs | data."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from reilab.cli.tree import commands, follow
from reilab.disk import DiskError

RUNS = commands(
    {
        "list": ("All runs, the newest first, and the examples.", "runs:list_all_runs"),
        "show": ("The results of a run.", "runs:show_run"),
        "resume": ("Go on with a run from its last checkpoints.", "runs:resume_run"),
        "fork": ("Go on from the past of a run, with other settings.", "runs:fork_run"),
        "steer": ("Change numbers of a run that is at work.", "runs:steer_run"),
        "pause": ("Let a run that is at work wait.", "runs:pause_run"),
        "continue": ("Let a run that waits go on.", "runs:continue_run"),
        "stop": ("Stop a run, or take it out of the line; it can be resumed.", "runs:stop_run"),
        "export": ("Report, metrics and curves as files.", "runs:export_run"),
        "thin": ("A small copy of a finished run, to pass on.", "runs:thin_run"),
        "delete": ("Delete a run from disk.", "runs:delete_run"),
    }
)
DATA = commands(
    {
        "list": ("Every data set known, and what is here of it.", "data:list_data"),
        "check": ("What is there, what is missing, where to get it.", "data:check"),
        "prepare": ("Convert the files once into a compact cache.", "data:prepare_data"),
    }
)
REILAB = commands(
    {
        "app": ("The lab, in a browser.", "app:serve_app"),
        "compare": ("Train several methods side by side.", "train:compare"),
        "train": ("Train one method.", "train:train"),
        "evaluate": ("What trained networks are worth.", "evaluate:evaluate"),
        "reconstruct": ("Apply a trained network to measurements.", "reconstruct:reconstruct"),
        "reproduce": ("Run the paper's grid, headless.", "reproduce:reproduce"),
        "tasks": ("The inverse problems there are.", "train:list_tasks"),
        "runs": ("What has been run.", RUNS),
        "data": ("Images to learn from.", DATA),
    }
)


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the ``reilab`` command; bad input ends with status 2 and one clear line."""
    try:
        follow(REILAB, "reilab", list(sys.argv[1:] if argv is None else argv))
    except (ValueError, OSError, RuntimeError) as error:
        told = f"[bold red]error:[/] {escape(str(error))}"
        Console(stderr=True).print(told, highlight=False, soft_wrap=True)
        # Nothing was wrong with what was asked for where the disk is full.
        raise SystemExit(1 if isinstance(error, DiskError) else 2) from None
