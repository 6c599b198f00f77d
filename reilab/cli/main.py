"""reilab app | train | compare | reproduce | tasks | runs | data."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from reilab.cli.data import manage_data
from reilab.cli.fork import parse_fork
from reilab.cli.options import parse_run
from reilab.cli.show import live_progress, results_json, results_table
from reilab.cli.signals import stop_on_signal
from reilab.runs import jobs
from reilab.runs.config import build, from_yaml
from reilab.runs.execute import execute
from reilab.runs.figures import save_comparison
from reilab.runs.folder import RunFolder, find_run, list_runs, runs_root
from reilab.runs.history import History, history_of
from reilab.runs.tables import curves_csv, metrics_csv
from reilab.settings import choose
from reilab.tasks.registry import tasks
from reilab.training.team import ALONE, Team, join

USAGE = """reilab: see networks learn to image from noisy, incomplete measurements alone

  reilab app                 the lab, in a browser
  reilab compare TASK        train several methods side by side
  reilab train TASK          train one method
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
    team = join(config.device)
    # Everything that can be wrong with the input is found before the folder is made.
    build(config, team)
    path = options.out or runs_root() / config.new_name()
    if team.rank == 0:
        RunFolder.create(path, config.to_yaml())
    _carry_out(RunFolder(team.told(path)), team, as_json=options.json)


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


def manage_runs(argv: Sequence[str]) -> None:
    """``reilab runs …``."""
    if argv and argv[0] == "fork":
        _carry_out(parse_fork(argv[1:]), ALONE, as_json=False)
        return
    tyro.extras.subcommand_cli_from_dict(
        {
            "list": list_all_runs,
            "show": show_run,
            "resume": resume_run,
            "export": export_run,
            "delete": delete_run,
        },
        prog="reilab runs",
        args=list(argv),
    )


def list_all_runs() -> None:
    """List the runs below runs/, newest first."""
    table = Table("run", "task", "status", "progress", "PSNR [dB]")
    for folder in list_runs(runs_root()):
        history = history_of(folder.events())
        found = {name: track.metrics for name, track in history.tracks.items()}
        figures = "  ".join(f"{name} {m.psnr:.2f}" for name, m in found.items() if m)
        standing = jobs.standing(folder, history)
        status = f"{standing.status} {standing.position or ''}".strip()
        task = from_yaml(folder.config).task
        table.add_row(folder.name, task, status, f"{history.progress:.0%}", figures)
    Console().print(table)


def show_run(run: tyro.conf.Positional[str], json: bool = False) -> None:
    """Show the results of a run.

    Args:
        run: name or folder of the run.
        json: end with one line of JSON.
    """
    folder = find_run(run)
    _report(folder, history_of(folder.events()), as_json=json)


def resume_run(run: tyro.conf.Positional[str], quiet: bool = False) -> None:
    """Go on with a run from its last checkpoints.

    Args:
        run: name or folder of the run.
        quiet: print nothing.
    """
    folder = find_run(run)
    if history_of(folder.events()).finished:
        raise ValueError(f"{folder.path} is finished; `reilab runs show {run}` has its results")
    if quiet:
        with jobs.at_work(folder):
            execute(folder, inbox=stop_on_signal())
        save_comparison(history_of(folder.events()), folder.path / "figure.png")
    else:
        _carry_out(folder, join(from_yaml(folder.config).device), as_json=False)


def export_run(run: tyro.conf.Positional[str], out: Path | None = None) -> None:
    """Write report.html, metrics.csv and curves.csv of a run.

    Args:
        run: name or folder of the run.
        out: folder to write to; that of the run otherwise.
    """
    # Its template engine is loaded for nothing else.
    from reilab.runs.report import report_html

    folder = find_run(run)
    target = out or folder.path
    target.mkdir(parents=True, exist_ok=True)
    history = history_of(folder.events())
    (target / "report.html").write_text(report_html(folder), encoding="utf-8")
    (target / "metrics.csv").write_text(metrics_csv(history), encoding="utf-8")
    (target / "curves.csv").write_text(curves_csv(history), encoding="utf-8")
    print(f"written: {target}")


def delete_run(run: tyro.conf.Positional[str], yes: bool = False) -> None:
    """Delete a run from disk.

    Args:
        run: name or folder of the run.
        yes: do not ask.
    """
    folder = find_run(run)
    if yes or input(f"Delete {folder.path} for good? [y/N] ").lower() == "y":
        jobs.delete(folder)


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


def _carry_out(folder: RunFolder, team: Team, as_json: bool) -> None:
    inbox = stop_on_signal()
    if team.rank > 0:
        execute(folder, inbox=inbox, team=team)
        team.part()
        return
    with jobs.at_work(folder), live_progress(Console(stderr=True)) as progress:
        history = execute(folder, progress, inbox=inbox, team=team)
    team.part()
    save_comparison(history, folder.path / "figure.png")
    _report(folder, history, as_json)
    if history.stopped:
        print(f"Stopped; go on with: reilab runs resume {folder.path}", file=sys.stderr)
    if history.failed:
        raise RuntimeError(history.failed.message)


def _report(folder: RunFolder, history: History, as_json: bool) -> None:
    config = from_yaml(folder.config)
    noise = f"noise {config.noise:g}, {config.training.measurements} measurements"
    title = f"{config.task}, preset {config.preset}, {noise}"
    Console().print(results_table(history, title))
    print(f"run: {folder.path}")
    if as_json:
        print(json.dumps(results_json(config, folder, history)))


COMMANDS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "app": serve_app,
    "compare": lambda argv: run_methods("compare", argv),
    "train": lambda argv: run_methods("train", argv),
    "reproduce": reproduce_grid,
    "tasks": list_tasks,
    "runs": manage_runs,
    "data": manage_data,
}
