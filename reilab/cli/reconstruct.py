"""reilab reconstruct TASK --checkpoint FILE INPUT… --out DIR: images from new measurements."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeAlias

import tyro

from reilab.cli.trained import Asked, of_trained
from reilab.cli.tree import option
from reilab.datasets.acquired import measured_files
from reilab.trained import reconstruct as trained
from reilab.trained.checkpoints import one_checkpoint

Inputs: TypeAlias = tyro.conf.Positional[tuple[Path, ...]]
OWN = (
    option("inputs", Inputs, (), "Files of measurements, or folders of them."),
    option("checkpoint", str, "", "File, run folder or name of a run."),
    option("method", str, "", "Which network of a run with several."),
    option("out", Path | None, None, "Folder to write to; it must be new or empty."),
)


def reconstruct_files(asked: Asked) -> None:
    """Apply a trained network to files of measurements; writes a PNG and an NPY for each."""
    options = asked.options
    checkpoint = one_checkpoint(options.checkpoint, options.method)
    out: Path | None = options.out
    if out is None:
        raise ValueError("say where to write with --out DIR")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"the output folder {out} exists already; name another with --out")
    if not options.inputs:
        raise ValueError("name the files of measurements to reconstruct")
    sources = [file for one in options.inputs for file in measured_files(one)]
    failed = []
    for outcome in trained.reconstruct(sources, options.spec, asked.posed, checkpoint, out):
        if outcome.trouble:
            failed.append(outcome)
            print(f"{outcome.source}: {outcome.trouble}", file=sys.stderr)
        else:
            print(f"{outcome.source} → {', '.join(file.name for file in outcome.files)}")
    n_done = len(sources) - len(failed)
    print(f"{n_done} of {len(sources)} inputs reconstructed, in {out}")
    if failed:
        raise RuntimeError(f"not reconstructed: {', '.join(str(one.source) for one in failed)}")


reconstruct = of_trained(reconstruct_files, OWN)
