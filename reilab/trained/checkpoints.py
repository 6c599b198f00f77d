"""Checkpoints by whatever name a person has for them: a file, a run folder, the name of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from reilab.key import Key
from reilab.nets.weights import TORCH_SUFFIXES, fill, read_torch_weights
from reilab.problem import Problem
from reilab.record.folder import RunFolder, find_run
from reilab.runs.facts import facts_of_run
from reilab.settings import choose
from reilab.training.checkpoint import OWN_SUFFIX, read_network, read_position
from reilab.training.engines import fastest, layout
from reilab.training.state import seeded


@dataclass(frozen=True)
class Checkpoint:
    """A file with the weights of a network: its name on screen, and the run that it is of."""

    name: str
    path: Path
    run: RunFolder | None = None


def find_checkpoints(asked: str) -> list[Checkpoint]:
    """The checkpoints that are meant: one if ``asked`` is a file, one per method if it is a run.

    Raises:
        FileNotFoundError: there is no such file or run, or the run has no checkpoint yet.
        ValueError: a file that is no checkpoint.
    """
    path = Path(asked)
    if path.is_file():
        return [_of_file(path)]
    if path.name.endswith((OWN_SUFFIX, *TORCH_SUFFIXES)):
        raise FileNotFoundError(f"no checkpoint at {path}")
    run = find_run(asked)
    files = sorted((run.path / "checkpoints").glob(f"*{OWN_SUFFIX}"))
    newest = [file for file in files if file == run.checkpoint(read_position(file).method)]
    if not newest:
        raise FileNotFoundError(f"the run {run.path} has no checkpoint yet")
    return [Checkpoint(file.stem, file, run) for file in newest]


def distinct(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """The same checkpoints; those that share their name have the run or folder before it.

    Raises:
        ValueError: one is there twice.
    """
    often = Counter(one.name for one in checkpoints)
    renamed = [
        replace(one, name=f"{_home(one)}/{one.name}") if often[one.name] > 1 else one
        for one in checkpoints
    ]
    for name, count in Counter(one.name for one in renamed).items():
        if count > 1:
            raise ValueError(f"several checkpoints are called {name!r}; name each once")
    return renamed


def one_checkpoint(asked: str, method: str) -> Checkpoint:
    """The checkpoint that is meant; ``method`` (or nothing) says which of a run with several.

    Raises:
        FileNotFoundError: see ``find_checkpoints``.
        ValueError: a run of several methods, and none of them is named.
    """
    found = find_checkpoints(asked)
    if len(found) == 1 and not method:
        return found[0]
    names = [one.name for one in found]
    if not method:
        raise ValueError(f"{asked} has several networks; choose with --method {' | '.join(names)}")
    return found[names.index(choose("method of the run", method, names))]


def origin(checkpoint: Checkpoint) -> dict[str, str]:
    """The facts of the run that a network is of, and its step, as far as they are known."""
    facts = facts_of_run(checkpoint.run) if checkpoint.run else {}
    own = checkpoint.path.name.endswith(OWN_SUFFIX)
    return {**facts, **({"Step": str(read_position(checkpoint.path).step)} if own else {})}


def load_trained(checkpoint: Checkpoint, problem: Problem) -> nn.Module:
    """The network of a problem with the weights of a checkpoint, in evaluation mode.

    Raises:
        ValueError: the file is damaged or of another network; lists what differs.
    """
    path = checkpoint.path
    own = path.name.endswith(OWN_SUFFIX)
    weights = read_network(path)[0] if own else read_torch_weights(path)
    network = seeded(problem.new_network, Key(0))
    fill(network, weights, path)
    network = network.to(problem.device).to(memory_format=layout(problem.device)).eval()
    fastest(network)
    return network


def _home(checkpoint: Checkpoint) -> str:
    return checkpoint.run.name if checkpoint.run else checkpoint.path.resolve().parent.name


def _of_file(path: Path) -> Checkpoint:
    if path.name.endswith(OWN_SUFFIX):
        folder = path.parent.parent
        run = RunFolder(folder) if (folder / "config.yaml").is_file() else None
        return Checkpoint(read_position(path).method, path, run)
    for suffix in TORCH_SUFFIXES:
        if path.name.endswith(suffix):
            return Checkpoint(path.name.removesuffix(suffix), path)
    known = ", ".join((OWN_SUFFIX, *TORCH_SUFFIXES))
    raise ValueError(f"{path} has no ending of a checkpoint ({known})")
