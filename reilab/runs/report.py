"""Report: a run as one HTML file, and the command that asks for it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reilab.methods.registry import methods
from reilab.nets.registry import network_of
from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.record.notes import read_notes
from reilab.runs import jobs
from reilab.runs.config import USUAL_METHODS, RunConfig, config_of, objectives, values_of
from reilab.runs.fork import changeable, parent_of
from reilab.show.charts import svg_charts
from reilab.show.gallery import sample_of, templates
from reilab.show.reel import SCRIPT, reels, script_hash
from reilab.show.results import results
from reilab.show.scene import Scene, lost_words, n_images, scene_of
from reilab.show.table import COLUMNS, STEP
from reilab.show.words import in_order, method_title, steering_log, unread_words
from reilab.tasks.registry import find_task


@dataclass(frozen=True)
class _Asked:
    """What a configuration asks for beside its task and preset; empty where nothing is changed."""

    network: str
    settings: Mapping[str, Any]
    training: Mapping[str, Any]


def _asked(config: RunConfig) -> _Asked:
    task = find_task(config.task)
    level = {task.level_name(vars(config.spec)): config.noise}
    preset = task.preset(config.preset, level)
    kind, usual_kind = network_of(config.network), network_of(preset.network)
    own_level = vars(task.configure(config.preset, {}))
    usual = vars(task.configure(config.preset, level)) | {n: own_level[n] for n in level}
    start = preset.network if kind is usual_kind else kind.spec()
    usual_methods = objectives(config.methods, preset.methods)
    return _Asked(
        network="" if kind is usual_kind else kind.name,
        settings={
            **_changes(usual, vars(config.spec)),
            **_changes(vars(start), vars(config.network)),
            **_changes(values_of(usual_methods), config.method_values),
        },
        training=_changes(vars(preset.training), vars(config.training)),
    )


def as_command(config: RunConfig) -> str:
    """The shortest ``reilab compare`` line that asks for this configuration."""
    asked, words = _asked(config), ["reilab", "compare", config.task]
    if config.preset != "quick":
        words += ["--preset", config.preset]
    if config.methods != USUAL_METHODS:
        words += ["--methods", *config.methods]
    if asked.network:
        words += ["--network", asked.network]
    words += _options(asked.settings)
    if config.assumed_noise != config.noise:
        words += _options({"assumed_noise": config.assumed_noise})
    words += _options(asked.training)
    if config.start_from:
        words += ["--from", config.start_from]
    if config.device != "cpu":
        words += ["--device", config.device]
    return shlex.join(words)


def as_python(config: RunConfig) -> str:
    """The lines of Python that carry this configuration out, in memory."""
    asked = _asked(config)
    assumed = None if config.assumed_noise == config.noise else config.assumed_noise
    further = {
        "network": asked.network,
        "settings": asked.settings,
        "training": asked.training,
        "assumed_noise": assumed,
        "device": config.device if config.device != "cpu" else "",
        "start_from": config.start_from,
    }
    words = [repr(config.task), repr(config.preset), repr(list(config.methods))]
    words += [f"{name}={value!r}" for name, value in further.items() if value or value == 0]
    lines = "".join(f"    {word},\n" for word in words)
    return (
        f"import reilab\n\nconfig = reilab.configure(\n{lines})\n"
        "history = reilab.run(config, watch=[print])\n"
    )


def command_of(folder: RunFolder) -> str:
    """The line that makes a run, which may be a fork of another; what it leaves out is said below.

    Raises:
        ValueError: its task is not known here.
    """
    steered = steering_log(folder.history())
    plain = _unsteered(folder)
    if not steered:
        return plain
    told = [f"# Steered while it ran. {line}" for line in steered]
    if parent_of(folder):
        return "\n".join([plain, "# What follows is not repeated:", *told])
    again = shlex.join(["reilab", "runs", "repeat", folder.name])
    return "\n".join([again, *told, f"# Without that: {plain}"])


def python_of(folder: RunFolder) -> str:
    """The lines of Python that repeat a run in memory, with what was steered while it ran.

    Raises:
        ValueError: its task is not known here.
    """
    steered = any(track.steered for track in folder.history().tracks.values())
    if not steered and parent_of(folder) is None:
        return as_python(config_of(folder))
    if parent_of(folder) is not None:
        return f"# A fork goes on from files; in a terminal:\n# {_unsteered(folder)}\n"
    return (
        "import reilab\nfrom reilab.runs.config import config_of\n"
        "from reilab.runs.drive import replay\n\n"
        f"folder = reilab.find_run({folder.name!r})\n"
        "# Steered as it was, at the same steps.\n"
        "events = replay(reilab.stream(config_of(folder)), folder.events())\n"
        "history = reilab.history_of(events)\n"
    )


def _unsteered(folder: RunFolder) -> str:
    config, parent = config_of(folder), parent_of(folder)
    if parent is None:
        return as_command(config)
    numbers = _numbers(config)
    original = folder.path.with_name(parent.run)
    usual: Mapping[str, Any] = {}
    if (original / "config.yaml").exists():
        usual = _numbers(config_of(RunFolder(original)))
    words = ["reilab", "runs", "fork", parent.run, "--step", str(parent.step)]
    may_change = {name: numbers[name] for name in changeable() if name in numbers}
    return shlex.join([*words, *_options(_changes(usual, may_change))])


def _numbers(config: RunConfig) -> dict[str, Any]:
    own = {**vars(config.training), "assumed_noise": config.assumed_noise}
    return {**config.method_values, **own}


def _changes(usual: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {n: value for n, value in values.items() if n not in usual or usual[n] != value}


def _options(values: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in values.items():
        each = value if isinstance(value, tuple) else (value,)
        words += [f"--{name.replace('_', '-')}", *map(str, each)]
    return words


#: Numbers in all pictures of a report: about as many bytes, and never many megabytes.
BUDGET = 2_000_000


def report_html(folder: RunFolder) -> str:
    """The report of a run as it stands now.

    Raises:
        ValueError: its task is not known here.
    """
    config, history = config_of(folder), folder.history()
    standing, task = jobs.standing(folder, history), find_task(config.task)
    first = scene_of(folder.name, history, 0)
    scenes = [scene_of(folder.name, history, n) for n in range(_affordable(history, first))]
    template = templates(Path(__file__).parent).get_template("report.html.j2")
    return template.render(
        title=task.title,
        run=folder.name,
        status=f"{standing.status}, {history.progress:.0%} done",
        summary=task.summary,
        failure=" ".join([standing.reason, *unread_words(history), *lost_words(history, None)]),
        parent=parent_of(folder),
        notes=read_notes(folder).text,
        judged=history.posed is None or history.posed.truth is not None,
        n_test=history.posed.n_test if history.posed else 0,
        columns=["Method", *(column.head for column in (STEP, *COLUMNS))],
        table=[
            [method_title(row.method), *(column.shown(row) for column in (STEP, *COLUMNS))]
            for row in results(history)
        ],
        samples=[sample_of(scene) for scene in scenes if scene],
        methods=[methods()[name] for name in in_order(history) if name in methods()],
        reels=[asdict(reel) for reel in reels(history)],
        script=SCRIPT,
        script_hash=script_hash(),
        charts=svg_charts(history),
        steering=steering_log(history),
        command=command_of(folder),
        config=folder.config,
    )


def _affordable(history: History, first: Scene | None) -> int:
    """How many test images have room in a report."""
    if first is None or not first.shots:
        return 0
    one = int(np.prod(first.shots[0].image.shape)) * 2 * len(first.panes)
    return max(1, min(n_images(history), BUDGET // one))
