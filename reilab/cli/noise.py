"""reilab noise: the models there are, and how noisy measurements are."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Annotated

import tyro
from rich.table import Table

from reilab.cli.terminal import console
from reilab.datasets.noisiness import noisiness
from reilab.noise.registry import NOISES
from reilab.plain import to_json, to_plain

JSON = "End with one line of JSON."


def list_models() -> None:
    """List the noise models, the level of each, and which have SURE or part y into pairs."""
    needs = ("SURE", "pairs")
    table = Table("model", "what it is", "level", *needs)
    for name, model in NOISES.items():
        has = ("no" if model.lacks(need) else "yes" for need in needs)
        table.add_row(name, model.summary, model.level, *has)
    console().print(table)


def estimate(
    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Images or measurements.")],
    coils: Annotated[int, tyro.conf.arg(help="Receiver coils of k-space.")] = 1,
    json: Annotated[bool, tyro.conf.arg(help=JSON)] = False,
) -> None:
    """The noise in each image or measurement of a file, by its finest details: at most so much.

    What fine texture there is counts as noise.
    """
    found = noisiness(file, coils)
    table = Table("sample", f"σ̂ [{found.unit}]", title=f"{file}: {found.what}")
    table.title_justify = "left"
    for place, sigma in enumerate(found.sigmas):
        table.add_row(str(place), f"{sigma:.3g}")
    console().print(table)
    middle = median(found.sigmas)
    told = f": {found.option} {middle:.3g}" if found.option else ""
    console().print(f"median {middle:.3g} {found.unit}{told}")
    if json:
        print(to_json({"file": str(file), **to_plain(found), "median": middle}))
