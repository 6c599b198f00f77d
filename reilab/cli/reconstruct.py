"""reilab reconstruct TASK --checkpoint FILE INPUT… --out DIR: images from new measurements."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from reilab.cli.options import option
from reilab.cli.trained import is_help, parse_trained, task_names
from reilab.datasets.acquired import measured_files
from reilab.trained.checkpoints import one_checkpoint
from reilab.trained.reconstruct import reconstruct

ABOUT = "Apply a trained network to files of measurements; writes a PNG and an NPY for each."
INPUTS = Annotated[
    tyro.conf.Positional[tuple[Path, ...]],
    tyro.conf.arg(metavar="INPUT", help="Files of measurements, or folders of them."),
]
OWN: tuple[Any, ...] = (
    ("inputs", INPUTS),
    option("checkpoint", str, "", "File, run folder or name of a run."),
    option("method", str, "", "Which network of a run with several."),
    option("out", Path | None, None, "Folder to write to; it must be new or empty."),
)


def reconstruct_files(argv: Sequence[str]) -> None:
    """``reilab reconstruct``.

    Raises:
        RuntimeError: at the end, if some inputs could not be reconstructed; names them.
    """
    if is_help(argv):
        line = "usage: reilab reconstruct TASK --checkpoint FILE INPUT… --out DIR; TASK:"
        print(f"{line} {task_names()}")
        return
    asked = parse_trained("reconstruct", ABOUT, OWN, argv)
    options = asked.options
    checkpoint = one_checkpoint(options.checkpoint, options.method)
    out: Path | None = options.out
    if out is None:
        raise ValueError("say where to write with --out DIR")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"the output folder {out} exists already; name another with --out")
    if not options.inputs:
        raise ValueError("name the files of measurements to reconstruct")
    sources = [file for one in options.inputs for file in _files(one)]
    failed = []
    for outcome in reconstruct(sources, asked.spec, asked.posed, checkpoint, out):
        if outcome.trouble:
            failed.append(outcome)
            print(f"{outcome.source}: {outcome.trouble}", file=sys.stderr)
        else:
            print(f"{outcome.source} → {', '.join(file.name for file in outcome.files)}")
    n_done = len(sources) - len(failed)
    print(f"{n_done} of {len(sources)} inputs reconstructed, in {out}")
    if failed:
        raise RuntimeError(f"not reconstructed: {', '.join(str(one.source) for one in failed)}")


def _files(place: Path) -> list[Path]:
    return measured_files(place) if place.is_dir() else [place]
