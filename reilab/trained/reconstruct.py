"""Apply a trained network to files of measurements, one file after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from reilab.disk import replace_array, replacing
from reilab.problem import Problem
from reilab.settings import override
from reilab.show.panes import to_pixels, to_png
from reilab.tasks.registry import MEASURED, Spec
from reilab.trained.checkpoints import Checkpoint, load_trained
from reilab.training.evaluate import DivergedError, bounded
from reilab.training.state import reconstruction

#: Measurements that are reconstructed at a time: bounds the memory.
AT_ONCE = 4


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """What became of one input: the files that were written, or why there are none.

    Args:
        source: its file.
        files: an array, and a picture of each image.
        trouble: why there are none.
        images: what a person looks at of what the network gives, (N, C, H, W), and
        start: the same of A†y, on the CPU; ``None`` where there is trouble.
    """

    source: Path
    files: tuple[Path, ...] = ()
    trouble: str = ""
    images: Tensor | None = None
    start: Tensor | None = None


def reconstruct(
    sources: Sequence[Path],
    spec: Spec,
    pose: Callable[[Spec], Problem],
    checkpoint: Checkpoint,
    out: Path,
) -> Iterator[Reconstructed]:
    """Reconstruct every input; one that cannot be read does not stop the others.

    Each gives ``NAME.npy``, what the network gives in float32 (N, C, H, W), of a complex image real
    and imaginary part, and ``NAME.png``, or ``NAME-000.png`` … for several measurements.

    Args:
        sources: files of measurements, as ``datasets.acquired`` reads them.
        spec: the task; all but the measurements is as it says.
        pose: makes the problem of a task, with the network and on the device that are asked for.
        checkpoint: of the network.
        out: the folder to write to.

    Raises:
        ValueError: a checkpoint that does not fit, or a task that reads no measurements.
    """
    if MEASURED not in vars(spec):
        raise ValueError(f"{type(spec).__name__} has no setting {MEASURED!r}: it reads no files")
    network: nn.Module | None = None
    for source, name in _names(sources).items():
        try:
            problem = pose(override(spec, {MEASURED: str(source)}))
        except (ValueError, OSError) as error:
            yield Reconstructed(source, trouble=str(error))
            continue
        if network is None:
            network = load_trained(checkpoint, problem)
            out.mkdir(parents=True, exist_ok=True)
        try:
            found, shown, start = _apply(network, problem)
        except DivergedError as error:
            yield Reconstructed(source, trouble=str(error))
            continue
        files = tuple(_write(found, shown, out / name))
        yield Reconstructed(source, files, images=shown, start=start)


@torch.no_grad()
def _apply(network: nn.Module, problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    """What the network gives, and what a person looks at of it and of A†y.

    Raises:
        DivergedError: it gives values that are no numbers, or beyond all bounds.
    """
    f = reconstruction(network, problem.physics)
    places = torch.split(torch.arange(len(problem.test)), AT_ONCE)
    measured = [y for index in places if (y := problem.test.batch(index).y) is not None]
    found = torch.cat([f(y) for y in measured])
    bounded(found, "what the network gives")
    start = torch.cat([problem.physics.pinv(y) for y in measured])
    return found.cpu(), problem.image(found).float().cpu(), problem.image(start).float().cpu()


def _write(found: Tensor, shown: Tensor, stem: Path) -> Iterator[Path]:
    array = stem.with_name(f"{stem.name}.npy")
    replace_array(array, found.numpy())
    yield array
    for index, image in enumerate(shown):
        number = f"-{index:03d}" if len(shown) > 1 else ""
        picture = stem.with_name(f"{stem.name}{number}.png")
        with replacing(picture) as partial:
            partial.write_bytes(to_png(to_pixels(image.permute(1, 2, 0).numpy(), 0, 1)))
        yield picture


def _names(sources: Sequence[Path]) -> Mapping[Path, str]:
    """A name for what each input gives; a number goes with one that is taken."""
    names: dict[Path, str] = {}
    for source in sources:
        taken = [name for name in names.values() if name.partition("~")[0] == source.stem]
        names[source] = f"{source.stem}~{len(taken) + 1}" if taken else source.stem
    return names
