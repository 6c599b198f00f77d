"""Radon transform and filtered back-projection, forward and backward, against deepinv."""

from __future__ import annotations

import importlib.util
import statistics
import time

import torch

from benchmarks.gpu.contest import allocated, peak_megabytes
from benchmarks.gpu.part import Setup
from benchmarks.measure import Action, in_turns, ratio, synchronize
from benchmarks.projector import there_and_back
from reilab.physics.radon import parallel_beam, spread_angles
from reilab.testing import smooth_image

NOTE = """Line integrals of the images, filtered back-projection of them, and both gradients;
{views} views, float32. Milliseconds are medians of turns in one process. Memory is the most that
tensors hold, ours with its matrices. The gap is the largest difference of our sinogram from that
of the CPU, over its maximum."""
COLUMNS = ["side", "batch", "ours [ms]", "deepinv [ms]", "deepinv / ours"]
COLUMNS += ["memory ours [MB]", "memory deepinv [MB]", "gap", "built in [s]"]
MOST_ROUNDS = 15


def run(setup: Setup) -> None:
    """Both sizes and batches; without deepinv ours alone."""
    views = 10 if setup.small else 50
    setup.begin("Radon and FBP", NOTE.format(views=views), COLUMNS)
    places = [
        (size, batch) for size in ((32, 64) if setup.small else (256, 512)) for batch in (1, 16)
    ]
    began, seconds = time.time(), setup.left()
    for place, (size, batch) in enumerate(places, start=1):
        with setup.attempt(f"radon {size}² batch {batch}"):
            row(setup, size, batch, views, began + seconds * place / len(places))


def row(setup: Setup, size: int, batch: int, views: int, until: float) -> None:
    """One size and batch."""
    before, began = allocated(setup), time.perf_counter()
    own = parallel_beam(size, views, setup.device)
    built = time.perf_counter() - began
    matrices = (allocated(setup) - before) / 2**20
    image = smooth_image((1, size, size), torch.float32)[None]
    x = image.to(setup.device).repeat(batch, 1, 1, 1)
    actions: dict[str, Action] = {"ours": there_and_back(own, own.pinv, x)}
    if importlib.util.find_spec("deepinv"):
        from benchmarks.with_deepinv import tomography

        with setup.attempt(f"deepinv {size}² batch {batch}"):
            theirs = tomography(size, spread_angles(views), setup.device)
            actions["deepinv"] = there_and_back(theirs.A, theirs.fbp, x)
    memory = {}
    for name, action in actions.items():
        action()
        memory[name] = peak_megabytes(setup, action, allocated(setup))
    found = in_turns(actions, rounds_until(until, actions))
    cells = [f"{size}²", str(batch)]
    for name in ("ours", "deepinv"):
        known = name in found
        cells.append(f"{1000 * statistics.median(found[name]):.3f}" if known else "")
    cells.append(f"{ratio(found['deepinv'], found['ours']):.1f}" if "deepinv" in found else "")
    for name, extra in (("ours", matrices), ("deepinv", 0.0)):
        held = memory.get(name)
        cells.append("" if held is None else f"{held + extra:.0f}")
    # Matrices of the larger size take the CPU too long.
    small = size <= 256 and batch == 1
    gap = gap_from_cpu(own(x[:1]), image, size, views) if small else None
    setup.row([*cells, "" if gap is None else f"{gap:.1e}", f"{built:.1f}"])


def rounds_until(until: float, actions: dict[str, Action]) -> int:
    """How many rounds there is time for, with half of it for other things."""
    began = time.perf_counter()
    for action in actions.values():
        action()
    synchronize()
    once = time.perf_counter() - began
    return max(1, min(MOST_ROUNDS, int((until - time.time()) / 2 / once)))


def gap_from_cpu(found: torch.Tensor, image: torch.Tensor, size: int, views: int) -> float:
    """The relative difference of a sinogram from the one that a CPU computes."""
    expected = parallel_beam(size, views)(image)
    return float((found.cpu() - expected).abs().max() / expected.max())
