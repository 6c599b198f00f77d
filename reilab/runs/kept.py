"""States of a run's past that stay on disk, to fork from: some evenly spaced evaluations.

A method keeps at most ``TrainConfig.kept_states`` of them beside its newest one, which resumes it:
every second, every fourth … evaluation as the run grows. Each takes 12 bytes per weight of the
network: 6 MB in the quick presets, 103 MB at the width of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reilab.record.folder import RunFolder, link_or_copy
from reilab.training.checkpoint import read_position


def keep_state(folder: RunFolder, method: str, step: int, every: int, most: int) -> None:
    """Keep the newest checkpoint of a method for good, and drop those between which it falls.

    Args:
        folder: of the run.
        method: one of its methods.
        step: of that checkpoint.
        every: steps between evaluations.
        most: how many to keep.
    """
    stride = _stride(step // every + 1, most) * every
    for old, path in kept_states(folder, method).items():
        if most == 0 or old % stride:
            path.unlink(missing_ok=True)
    if most and step % stride == 0:
        link_or_copy(folder.checkpoint(method), _path(folder, method, step))


def forget_after(folder: RunFolder, method: str, step: int) -> None:
    """Drop the states of a future that the run has left by going on from an earlier checkpoint."""
    for later, path in kept_states(folder, method).items():
        if later > step:
            path.unlink(missing_ok=True)


def kept_states(folder: RunFolder, method: str) -> dict[int, Path]:
    """The states that are kept for good, by step, in order."""
    paths = sorted((folder.path / "checkpoints").glob(f"{method}-*.safetensors"))
    return {int(path.stem.rpartition("-")[2]): path for path in paths}


def states(folder: RunFolder, method: str) -> dict[int, Path]:
    """All states of a method that are on disk, the newest one too."""
    newest = folder.checkpoint(method)
    latest = {read_position(newest).step: newest} if newest.exists() else {}
    return {**latest, **kept_states(folder, method)}


def common_steps(folder: RunFolder, methods: Sequence[str]) -> tuple[int, ...]:
    """The steps at which all methods have a state on disk, in order."""
    steps = [set(states(folder, method)) for method in methods]
    return tuple(sorted(set.intersection(*steps)))


def _path(folder: RunFolder, method: str, step: int) -> Path:
    return folder.path / "checkpoints" / f"{method}-{step:07d}.safetensors"


def _stride(n_moments: int, most: int) -> int:
    stride = 1
    while most and (n_moments + stride - 1) // stride > most:
        stride *= 2
    return stride
