"""reilab runs list|show|resume|repeat|fork|steer|pause|continue|stop|export|thin|delete."""

from __future__ import annotations

from functools import cache
from inspect import Parameter
from pathlib import Path
from typing import Any, Literal

import tyro

from reilab.cli import terminal
from reilab.cli.tree import option, with_options
from reilab.cli.work import carry_out, report
from reilab.disk import replace_text, replacing
from reilab.events import Continue, Pause, Refused
from reilab.methods.registry import method_settings, methods
from reilab.record.folder import RunFolder, examples, find_run, runs_root
from reilab.runs import jobs
from reilab.runs.account import read_run
from reilab.runs.config import config_of
from reilab.runs.facts import facts_line, facts_of_run
from reilab.runs.fork import changeable, fork, forked_name
from reilab.runs.jobs import Status
from reilab.runs.library import Library, entry_of
from reilab.runs.repeat import repeat, repeated_name
from reilab.runs.roster import worker_alive
from reilab.runs.steering import STEERABLE, ask, commands
from reilab.runs.thin import thin
from reilab.settings import field_types, settings_of
from reilab.show.figures import FORMATS, PAPERS, Framing, plate, saved
from reilab.show.panes import PINV
from reilab.show.results import curves_csv, metrics_csv, results
from reilab.show.scene import scene_of
from reilab.show.table import TableLine, as_latex
from reilab.show.words import change_words, method_title
from reilab.training.config import TrainConfig
from reilab.training.team import ALONE, join

ABOUT = "Go on from a moment in the past of a run, with other settings."
STEERING = "Change numbers of a run that is at work; they hold from the next step on."
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


def _numbers() -> list[Parameter]:
    helps = {n: one.help for n, one in (settings_of(TrainConfig) | method_settings()).items()}
    return [
        option("run", tyro.conf.Positional[str], Parameter.empty, "Name or folder."),
        *(option(name, float | None, None, helps.get(name, ASSUMED)) for name in STEERABLE),
    ]


def _steer(asked: Any) -> None:
    given = {name: value for name, value in vars(asked).items() if value is not None}
    folder = _at_work(given.pop("run"))
    if not given:
        raise ValueError(f"nothing to change; give one of: {', '.join(STEERABLE)}")
    history = folder.history()
    terms = {term for track in history.tracks.values() for term in track.started.weights}
    sent = {name: commands(name, value, terms) for name, value in given.items()}
    if strange := [name for name, found in sent.items() if not found]:
        raise ValueError(f"{', '.join(strange)}: no method of {folder.name} has such a term")
    answers = ask(folder, [command for found in sent.values() for command in found])
    for answer in answers:
        if isinstance(answer, Refused):
            raise ValueError(f"{folder.name} refuses: {answer.message}")
        change = change_words(answer.command)
        print(f"{method_title(answer.method)}: {change}, from step {answer.step} on")


def _at_work(run: str) -> RunFolder:
    """The run of that name, which a worker carries out.

    Raises:
        FileNotFoundError: there is no such run.
        ValueError: nobody is at work on it.
    """
    folder = find_run(run)
    if not worker_alive(folder):
        raise ValueError(
            f"nobody is at work on {folder.path}; `reilab runs resume {run}` goes on with it, and "
            "`reilab runs fork` with other settings"
        )
    return folder


steer_run = with_options(_steer, STEERING, _numbers())


def list_all_runs() -> None:
    """List the runs below runs/, pinned and newest first, and the examples of reilab."""
    own = Library(runs_root()).entries()
    taken = {entry.name for entry in own}
    entries = [*own, *(entry_of(read_run(one)) for one in examples() if one.name not in taken)]
    title = cache(method_title)
    rows = [("run", "task", "status", "progress", "PSNR [dB]")]
    for entry in entries:
        found = ((title(n), psnr) for n, psnr in entry.psnr.items() if n != PINV)
        figures = "  ".join(f"{name} {psnr:.2f}" for name, psnr in found)
        status = f"{entry.standing.status} {entry.standing.position or ''}".strip()
        task = entry.asked.task if entry.asked else ""
        rows.append((entry.name, task, status, f"{entry.progress:.0%}", figures))
    terminal.print_columns(rows)
    for entry in entries:
        for words in entry.troubles:
            terminal.console(stderr=True).print(f"{entry.name}: {words}", soft_wrap=True)


def show_run(run: tyro.conf.Positional[str], json: bool = False) -> None:
    """Show the results of a run.

    Args:
        run: name or folder of the run.
        json: end with one line of JSON.
    """
    folder = find_run(run)
    report(folder, folder.history(), as_json=json)


def resume_run(run: tyro.conf.Positional[str]) -> None:
    """Go on with a run from its last checkpoints.

    Args:
        run: name or folder of the run.
    """
    folder = find_run(run)
    if folder.history().finished:
        raise ValueError(f"{folder.path} is finished; `reilab runs show {run}` has its results")
    carry_out(folder, join(config_of(folder).device), as_json=False)


def repeat_run(run: tyro.conf.Positional[str], out: Path | None = None) -> None:
    """Train a run anew, and steer it as it was steered, at the same steps.

    Args:
        run: name or folder of the run.
        out: run folder to make; a new one beside RUN otherwise.
    """
    folder = find_run(run)
    place = runs_root() / folder.name if folder in examples() else folder.path
    made = repeat(folder, out or repeated_name(RunFolder(place)))
    carry_out(made, join(config_of(made).device), as_json=False)


def pause_run(run: tyro.conf.Positional[str]) -> None:
    """Let a run that is at work wait, between two steps.

    Args:
        run: name or folder of the run.
    """
    _at_work(run).send(Pause())


def continue_run(run: tyro.conf.Positional[str]) -> None:
    """Let a run that waits go on.

    Args:
        run: name or folder of the run.
    """
    _at_work(run).send(Continue())


def stop_run(run: tyro.conf.Positional[str]) -> None:
    """Stop a run, or take it out of the line; `reilab runs resume` goes on with it.

    Args:
        run: name or folder of the run.
    """
    folder = find_run(run)
    if jobs.standing(folder, folder.history()).status is not Status.QUEUED:
        _at_work(run)
    jobs.stop(folder)


def export_run(
    run: tyro.conf.Positional[str],
    out: Path | None = None,
    figure: Literal["", "column", "page", "slide"] = "",
) -> None:
    """Write report.html, metrics.csv, curves.csv and results.tex of a run.

    Args:
        run: name or folder of the run.
        out: folder to write to; that of the run otherwise.
        figure: also write figure.svg, .pdf and .png for one column, a page, or a slide.
    """
    # Its template engine is loaded for nothing else.
    from reilab.runs.report import report_html

    folder = find_run(run)
    if out is None and folder in examples():
        raise ValueError(f"{folder.name} comes with reilab; name a folder to write to with --out")
    target = out or folder.path
    target.mkdir(parents=True, exist_ok=True)
    history, facts = folder.history(), facts_of_run(folder)
    replace_text(target / "metrics.csv", metrics_csv(history, facts))
    replace_text(target / "curves.csv", curves_csv(history, facts))
    lines = [TableLine(method_title(row.method), row, facts) for row in results(history)]
    replace_text(target / "results.tex", as_latex(lines))
    scene = scene_of(folder.name, history, 0)
    if figure and scene:
        made = plate(scene, PAPERS[figure], Framing(notes=[facts_line(facts)]))
        for kind in FORMATS:
            with replacing(target / f"figure.{kind}") as partial:
                partial.write_bytes(saved(made, kind))
    # Last: of a run whose task is not known here the numbers can be told.
    replace_text(target / "report.html", report_html(folder))
    print(f"written: {target}")


def thin_run(run: tyro.conf.Positional[str], out: Path, images: int = 2, moments: int = 8) -> None:
    """Make a small copy of a finished run, to pass on: it can be looked at and started from.

    Args:
        run: name or folder of the run.
        out: folder to make.
        images: test images to keep of each evaluation.
        moments: evaluations to keep of each method.
    """
    copy = thin(find_run(run), out, images, moments)
    size = sum(file.stat().st_size for file in copy.path.rglob("*") if file.is_file())
    print(f"written: {out} ({size / 1e6:.1f} MB)")


def delete_run(run: tyro.conf.Positional[str], yes: bool = False) -> None:
    """Delete a run from disk.

    Args:
        run: name or folder of the run.
        yes: do not ask.
    """
    folder = find_run(run)
    if folder in examples():
        raise ValueError(f"{folder.name} is an example that comes with reilab; it stays")
    if yes or terminal.ask(f"Delete {folder.path} for good?"):
        jobs.delete(folder)
