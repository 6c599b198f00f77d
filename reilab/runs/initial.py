"""Initial weights: a run may start from networks that were trained before, for fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from reilab.key import Key
from reilab.nets.registry import NetworkSpec
from reilab.nets.weights import fill, read_torch_weights
from reilab.problem import Problem
from reilab.record.folder import RunFolder, find_run
from reilab.training.checkpoint import OWN_SUFFIX, network_in, read_network, read_position
from reilab.training.state import TrainState, seeded


def find_initial(name: str) -> Path:
    """The checkpoint file or the run folder of that path or name, absolute.

    Raises:
        FileNotFoundError: there is neither.
    """
    return (Path(name) if Path(name).is_file() else find_run(name).path).absolute()


def initial_files(place: Path, methods: Sequence[str]) -> dict[str, Path]:
    """The checkpoint that each method starts from: a run's own, or one file for all.

    Raises:
        FileNotFoundError: ``place`` is gone, or the run has no network of a method; names those
            that it has.
    """
    if place.is_file():
        return dict.fromkeys(methods, place)
    files = {name: RunFolder(place).checkpoint(name) for name in methods}
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        files_there = (place / "checkpoints").glob(f"*{OWN_SUFFIX}")
        known = sorted({read_position(file).method for file in files_there})
        raise FileNotFoundError(
            f"start_from = {str(place)!r} has no network of {', '.join(missing)}; "
            f"it has: {', '.join(known) or 'none'}"
        )
    return files


def network_of_initial(place: Path) -> NetworkSpec | None:
    """What the network there is; ``None`` where nothing says it."""
    files = [place] if place.is_file() else sorted((place / "checkpoints").glob(f"*{OWN_SUFFIX}"))
    own = [file for file in files if file.name.endswith(OWN_SUFFIX)]
    return network_in(own[0]) if own else None


def begin_from(state: TrainState, place: Path) -> None:
    """Give an untrained state the weights that its method starts from.

    Raises:
        FileNotFoundError: see ``initial_files``.
        ValueError: the file is damaged or of another network; lists what differs.
    """
    _fill_from(state.network, initial_files(place, [state.method])[state.method])


def check_initial(place: Path, methods: Sequence[str], problem: Problem) -> None:
    """Raise what ``begin_from`` would, before there is a state."""
    for path in set(initial_files(place, methods).values()):
        # Its weights are replaced, or thrown away.
        _fill_from(seeded(problem.new_network, Key(0)), path)


def _fill_from(network: nn.Module, path: Path) -> None:
    own = path.name.endswith(OWN_SUFFIX)
    fill(network, read_network(path)[0] if own else read_torch_weights(path), path)
