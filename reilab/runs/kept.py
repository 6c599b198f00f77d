"""States of a run's past that stay on disk, to fork from: some evenly spaced evaluations.

A method keeps at most ``TrainConfig.kept_states`` of them beside its newest one, which resumes it:
every second, every fourth … evaluation as the run grows. Each takes 12 bytes per weight of the
network: 6 MB in the quick presets, 103 MB at the width of the paper.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from reilab.record.folder import RunFolder, link_or_copy
from reilab.training.checkpoint import DamagedError, load_checkpoint, read_position
from reilab.training.state import TrainState


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
    steps = {path.stem.removeprefix(f"{method}-"): path for path in paths}
    return {int(step): path for step, path in steps.items() if step.isdecimal()}


def states(folder: RunFolder, method: str) -> dict[int, Path]:
    """All states of a method that are on disk, the newest one too, if it can be read."""
    newest, latest = folder.checkpoint(method), dict[int, Path]()
    with contextlib.suppress(DamagedError, FileNotFoundError):
        latest = {read_position(newest).step: newest}
    return {**latest, **kept_states(folder, method)}


def load_newest(state: TrainState, folder: RunFolder) -> bool:
    """Bring a method to where it stood last: to the newest of its states that is not damaged.

    Returns:
        False if there is none on disk; it stands at the start then.

    Raises:
        ValueError: all of them are damaged, or of another network.
    """
    newest, faults = folder.checkpoint(state.method), list[str]()
    for path in (newest, *reversed(kept_states(folder, state.method).values())):
        try:
            load_checkpoint(state, path)
        except FileNotFoundError:
            continue
        except DamagedError as error:
            faults.append(str(error))
        else:
            return True
    if faults:
        told = f"delete the states of {state.method} there to train it from the start"
        raise ValueError(f"{faults[0]}; no older state is whole: {told}")
    return False


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
