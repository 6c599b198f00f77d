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
from reilab.runs.config import config_of
from reilab.runs.execute import execute
from reilab.runs.processes import stop_on_signal
from reilab.show.figures import save_comparison
from reilab.show.words import unread_words
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
    """Print the table of results, what of the run is damaged, and the line of JSON if asked for.

    Raises:
        ValueError: what was asked for cannot be read; the results have been told.
    """
    for words in unread_words(history):
        terminal.console(stderr=True).print(words, soft_wrap=True)
    posed = history.posed
    noise = f"noise {posed.noise:g}, {history.measurements} measurements" if posed else ""
    title = f"{posed.task}, preset {posed.preset}, {noise}" if posed else "Nothing yet"
    terminal.console().print(results_table(history, title))
    print(f"run: {folder.path}")
    config = config_of(folder)
    if as_json:
        print(to_json(results_json(config, folder, history)))
