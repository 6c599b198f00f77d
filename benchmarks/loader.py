"""A thousand prepared slices: preparation, loader against step, memory."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import Table, resident, synchronize
from reilab.datasets.folder import Folder
from reilab.datasets.prepare import Plan, Progress, prepare
from reilab.datasets.samples import StoredSamples, stored_samples
from reilab.datasets.store import Store
from reilab.runs.config import RunConfig, build, configure
from reilab.training.state import new_state
from reilab.training.step import take_step

N_SLICES, SIZE, BATCH = 1000, 320, 2
STEPS = 2

NOTE = f"""{N_SLICES} slices of {SIZE}² from NPY files, prepared once, then read in random order
in batches of {BATCH} as complex images. A step is REI's with the paper's network and settings for
MRI. The memory is that of the process after each pass over all slices, less that before the first;
as float32 the slices would take {N_SLICES * 2 * SIZE**2 * 4 / 2**20:.0f} MB."""


def measure() -> Table:
    """Rates per second, and what they are to each other."""
    with tempfile.TemporaryDirectory() as folder, data_root(Path(folder)):
        seconds, store = prepared(Path(folder))
        n_bytes = store.path.stat().st_size
        step = steps_per_second(Path(folder))
        rows = [
            ["prepare", f"{N_SLICES / seconds:.0f} files/s, {n_bytes / 2**20:.0f} MB on disk", ""],
            ["training step", f"{step:.3f} /s", ""],
        ]
        device = "cuda" if torch.cuda.is_available() else "cpu"
        samples = stored_samples(store, "train", SIZE, 2, device)
        rate = batches_per_second(samples)
        place = "on the GPU" if device == "cuda" else "from disk"
        rows.append([f"batches {place}, as in training", f"{rate:.0f} /s", f"{rate / step:.0f}"])
        rate = batches_per_second(replace(samples, shelf=store.split("train")))
        rows.append(["batches from disk", f"{rate:.0f} /s", f"{rate / step:.0f}"])
        rows.append(["memory after passes 1, 2, 3", growth(store, device), ""])
    return Table("Loader", NOTE, ["what", "found", "batches per step"], rows)


@contextmanager
def data_root(folder: Path) -> Iterator[None]:
    """Let tasks find data sets below a folder."""
    before = os.environ.get("REILAB_DATA")
    os.environ["REILAB_DATA"] = str(folder)
    try:
        yield
    finally:
        del os.environ["REILAB_DATA"]
        if before is not None:
            os.environ["REILAB_DATA"] = before


def prepared(root: Path) -> tuple[float, Store]:
    """Seconds to prepare the slices, and what came of it."""
    files = root / "slices"
    files.mkdir()
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, SIZE, dtype=np.float32)
    for place in range(N_SLICES):
        noise = rng.random((SIZE, SIZE), dtype=np.float32)
        np.save(files / f"{place:04}.npy", ramp[None] * ramp[:, None] + 0.1 * noise)
    print("loader: preparing", file=sys.stderr, flush=True)
    began = time.perf_counter()
    store = prepare(Plan("slices", "folder", Folder(SIZE), files, root), _nobody)
    return time.perf_counter() - began, store


def _nobody(step: Progress) -> None:
    pass


def steps_per_second(root: Path) -> float:
    """Of REI in MRI with the paper's settings, on the prepared slices."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config: RunConfig = configure(
        "mri", "paper", ["rei"], settings={"data": "slices"}, device=device
    )
    problem = build(config)
    state = new_state(config.objectives[0], problem, config.training)
    state.network.train()
    seconds = []
    for step in range(STEPS + 1):
        print("loader: step", step, file=sys.stderr, flush=True)
        began = time.perf_counter()
        take_step(state, problem, config.training)
        synchronize()
        seconds.append(time.perf_counter() - began)
    return 1 / statistics.median(seconds[1:])


def batches_per_second(samples: StoredSamples) -> float:
    """Over one pass in random order, after one that does not count."""
    one_pass(samples, 0)
    began = time.perf_counter()
    count = one_pass(samples, 1)
    synchronize()
    return count / (time.perf_counter() - began)


def one_pass(samples: StoredSamples, seed: int) -> int:
    """Every sample once; how many batches that took."""
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
    batches = torch.split(order, BATCH)
    for index in batches:
        samples.batch(index)
    return len(batches)


def growth(store: Store, device: str) -> str:
    """Megabytes of the host after each of three passes over those before."""
    samples = replace(stored_samples(store, "train", SIZE, 2, device), shelf=store.split("train"))
    samples.batch(torch.arange(BATCH))
    before = resident()
    found = []
    for seed in range(3):
        one_pass(samples, seed)
        found.append(f"{(resident() - before) / 2**20:+.1f}")
    return ", ".join(found) + " MB"
