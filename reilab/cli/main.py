"""reilab app | train | compare | evaluate | … | inspect | tasks | runs | data | noise."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from reilab.cli.terminal import tell
from reilab.cli.tree import commands, follow

#: A word of the command line, wherever it stands: show where an error came from.
DEBUG = "--debug"
#: As shells have it for a program that Ctrl-C has ended.
INTERRUPTED = 130

RUNS = commands(
    {
        "list": ("All runs, the newest first, and the examples.", "runs:list_all_runs"),
        "show": ("The results of a run.", "runs:show_run"),
        "resume": ("Go on with a run from its last checkpoints.", "runs:resume_run"),
        "repeat": ("Train a run anew, steered as it was.", "runs:repeat_run"),
        "fork": ("Go on from the past of a run, with other settings.", "runs:fork_run"),
        "steer": ("Change numbers of a run that is at work.", "runs:steer_run"),
        "pause": ("Let a run that is at work wait.", "runs:pause_run"),
        "continue": ("Let a run that waits go on.", "runs:continue_run"),
        "stop": ("Stop a run, or take it out of the line; it can be resumed.", "runs:stop_run"),
        "export": ("Report, tables, curves and figures as files.", "runs:export_run"),
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
NOISE = commands(
    {
        "models": ("The noise models there are.", "noise:list_models"),
        "estimate": ("How strong the noise in a file is.", "noise:estimate"),
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
        "bench": ("How methods stand among each other.", "bench:bench"),
        "inspect": ("What an operator sees, and what groups can teach.", "inspect:inspect_task"),
        "tasks": ("The inverse problems there are.", "train:list_tasks"),
        "runs": ("What has been run.", RUNS),
        "data": ("Images to learn from.", DATA),
        "noise": ("Models of noise, and how much of it there is.", NOISE),
    }
)


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the ``reilab`` command.

    Bad input ends with status 2 and one clear line, trouble of the machine with status 1.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words == ["--version"]:
            print(f"reilab {version('reilab')}")
            return
        follow(REILAB, "reilab", [word for word in words if word != DEBUG])
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read has gone; Python would say so once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:
        if DEBUG in words:
            raise
        raise SystemExit(tell(error)) from None
