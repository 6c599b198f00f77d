"""Carrying a run out in this process, with progress on the terminal and its results at the end."""

from __future__ import annotations

import shlex
import sys

from reilab.cli import terminal
from reilab.cli.show import live_progress, results_json, results_table
from reilab.plain import to_json
from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.runs import jobs
from reilab.runs.config import from_yaml
from reilab.runs.execute import execute
from reilab.runs.processes import stop_on_signal
from reilab.show.figures import save_comparison
from reilab.training.team import Team


def carry_out(folder: RunFolder, team: Team, as_json: bool) -> None:
    """Train a run to its end, or until Ctrl-C; process 0 of a team shows how it goes."""
    with stop_on_signal() as inbox:
        if team.rank > 0:
            execute(folder, inbox=inbox, team=team)
            team.part()
            return
        with jobs.at_work(folder), live_progress(terminal.console(stderr=True)) as progress:
            history = execute(folder, progress, inbox=inbox, team=team)
        team.part()
        save_comparison(history, folder.path / "figure.png")
    report(folder, history, as_json)
    if history.stopped:
        resume = shlex.join(["reilab", "runs", "resume", str(folder.path)])
        print(f"Stopped; go on with: {resume}", file=sys.stderr)
    if history.failed:
        raise RuntimeError(history.failed.message)


def report(folder: RunFolder, history: History, as_json: bool) -> None:
    """Print the table of results, and the line of JSON where it is asked for."""
    config = from_yaml(folder.config)
    noise = f"noise {config.noise:g}, {history.measurements} measurements"
    title = f"{config.task}, preset {config.preset}, {noise}"
    terminal.console().print(results_table(history, title))
    print(f"run: {folder.path}")
    if as_json:
        print(to_json(results_json(config, folder, history)))
