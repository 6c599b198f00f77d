"""reilab evaluate TASK --checkpoint FILE…: what trained networks are worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from reilab.cli import terminal
from reilab.cli.show import live_count
from reilab.cli.trained import Asked, of_trained
from reilab.cli.tree import option
from reilab.plain import to_json, to_plain
from reilab.record.folder import unused
from reilab.settings import override
from reilab.trained import evaluate as trained
from reilab.trained.assess import columns_of, summary
from reilab.trained.bootstrap import LEVELS
from reilab.trained.checkpoints import find_checkpoints
from reilab.trained.evaluate import LevelMarks

OWN = (
    option(
        "checkpoint",
        tuple[str, ...],
        (),
        "Files (.safetensors, or the authors' .pth.tar, .pt), run folders or names of runs.",
    ),
    option("noise", tuple[float, ...], (), "Noise levels, one after the other."),
    option("seed", int | None, None, "Seed of the test noise; that of the run otherwise."),
    option("bootstrap", int, 0, "Draws for error bars, 19 or more; 0 for none."),
    option("out", Path | None, None, "Folder to make; a new one below evaluations/ otherwise."),
    option("json", bool, False, "End with one line of JSON."),
)


def evaluate_networks(asked: Asked) -> None:
    """A†y and trained networks on the test measurements: marks, worst and best cases."""
    options = asked.options
    checkpoints = [one for name in options.checkpoint for one in find_checkpoints(name)]
    name = asked.task.level_name(vars(options.spec))
    noise = options.noise or (getattr(options.spec, name),)
    for level in noise:
        override(options.spec, {name: level})
    out = options.out or _new_folder(asked)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"the output folder {out} exists already; name another with --out")
    problem = asked.posed(options.spec)
    seed = asked.seed if options.seed is None else options.seed
    with live_count(terminal.console(stderr=True), "reconstructions") as watch:
        levels = list(trained.evaluate(checkpoints, problem, noise, seed, options.bootstrap, watch))
    out.mkdir(parents=True, exist_ok=True)
    told = _told(asked, seed)
    files = trained.save_evaluation(levels, told, out)
    terminal.console().print(_table(levels, asked))
    if levels[0].each[0].coverage:
        terminal.console().print(_coverage(levels))
    print(f"written to {out}: {', '.join(file.name for file in files)}")
    if options.json:
        each = [one for level in levels for one in level.each]
        print(to_json({**told, "out": str(out), "results": summary(each)}))


def _new_folder(asked: Asked) -> Path:
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    return unused(Path("evaluations") / f"{now}-{asked.task.name}-{asked.options.preset}")


def _told(asked: Asked, seed: int) -> dict[str, Any]:
    return {
        "task": asked.task.name,
        "preset": asked.options.preset,
        "settings": to_plain(asked.options.spec),
        "checkpoints": list(asked.options.checkpoint),
        "seed": seed,
    }


def _table(levels: Sequence[LevelMarks], asked: Asked) -> Table:
    """Means (± standard deviations) over the images; a section for each noise level."""
    first = levels[0].each[0]
    known = levels[0].truth is not None
    data = vars(asked.options.spec).get("data", "")
    images = f"{data} test images" if known else "acquired measurements"
    title = f"{asked.task.title}, preset {asked.options.preset}, {len(first.images)} {images}"
    # As narrow as can be: it fits into 80 columns.
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.pad_edge, table.padding = False, (0, 1, 0, 0)
    table.add_column("noise", justify="right")
    table.add_column("method")
    columns = columns_of(first)
    for column in columns:
        unit = f"\n[{column.unit}]" if column.unit else ""
        table.add_column(f"{column.title}{unit}", justify="right")
    for level in levels:
        for one in level.each:
            cells = [column.shown(one) for column in columns]
            table.add_row(f"{one.noise:g}", one.method, *cells)
        table.add_section()
    return table


def _coverage(levels: Sequence[LevelMarks]) -> Table:
    """Nominal and empirical coverage of error bars."""
    title = "Share of the errors within the error bars that hold with probability"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for head in ("noise", "method", "errors of", *map("{:g}".format, LEVELS)):
        table.add_column(head, justify="left" if head in ("method", "errors of") else "right")
    for one in (one for level in levels for one in level.each):
        for what, shares in one.coverage.items():
            told = (f"{share:.0%}" for share in shares.values())
            table.add_row(f"{one.noise:g}", one.method, what, *told)
    return table


evaluate = of_trained(evaluate_networks, OWN)
