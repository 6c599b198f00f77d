"""Evaluation on the test samples: the same measurements for every method and at every step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch
from torch import Tensor, nn

from reilab import metrics
from reilab.datasets.samples import Samples
from reilab.events import Images, Metrics
from reilab.key import Key
from reilab.methods.base import Reconstruct
from reilab.physics.base import Physics
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.state import Reconstruction

#: In the order of the first fields of ``Metrics``.
METRICS = (metrics.psnr, metrics.ssim, metrics.nmse)
#: What goes beyond is no image: metrics multiply four values, and float32 ends at 3e38.
BRIGHTEST = 1e9


class DivergedError(ValueError):
    """Images with values that are no numbers, or beyond ``BRIGHTEST``; ``value`` is the worst."""

    def __init__(self, what: str, value: float) -> None:
        super().__init__(f"{what} reaches {value:g}, and image values go from 0 to 1")
        self.value = value


def bounded(images: Tensor, what: str) -> Tensor:
    """The images, if all their values are numbers that can be worked with.

    Raises:
        DivergedError: some are not.
    """
    worst = float(images.abs().max())
    if not worst <= BRIGHTEST:
        raise DivergedError(what, worst)
    return images


@dataclass(frozen=True, eq=False)
class Exam:
    """Test measurements y (N, *range) and, where known, what is to be found.

    Args:
        y: the measurements.
        truth: what a person is to see, (N, C, H, W).
        x: the images as A takes them, e.g. complex in two channels; ``truth`` is made of them.
        batch: how many are reconstructed at a time.
        validation: the measurements that early stopping judges by, if any.
        places: what was measured (N, m), where each has its own mask.
    """

    y: Tensor
    truth: Tensor | None
    x: Tensor | None = None
    batch: int = 4
    validation: Exam | None = None
    places: Tensor | None = None

    @property
    def of_first_batch(self) -> Exam:
        """A smaller one, to find out what the whole will cost."""
        n = self.batch
        known = (self.truth, self.x, self.places)
        truth, x, places = (None if one is None else one[:n] for one in known)
        return replace(self, y=self.y[:n], truth=truth, x=x, places=places)

    def parts(self, problem: Problem) -> Iterator[tuple[Tensor, Tensor, Physics]]:
        """Index, measurements and operator of those that are reconstructed at a time."""
        for index in torch.split(torch.arange(len(self.y)), self.batch):
            here = index.to(self.y.device)
            places = None if self.places is None else self.places[here]
            yield index, self.y[here], problem.having(places).physics


@torch.no_grad()
def prepare_exam(problem: Problem, config: TrainConfig) -> Exam:
    """Measure the samples to evaluate on, one measurement each, at the address ``seed / "test"``.

    Raises:
        ValueError: validation images are asked for, to evaluate or to stop early by, and the data
            has none.
    """
    wanted = [
        name for name in ("exam", "ends_with") if getattr(config, name) in ("validation", "best")
    ]
    if wanted and (problem.validation is None or not problem.validation.has_truth):
        raise ValueError(
            f"{wanted[0]} = {getattr(config, wanted[0])!r} needs validation images with ground "
            "truth and the data has none; choose exam = test and ends_with = last"
        )
    samples = {"test": problem.test, "validation": problem.validation}
    exam = _measured(problem, samples[config.exam], Key(config.seed) / config.exam)
    if config.ends_with == "best":
        validation = _measured(problem, problem.validation, Key(config.seed) / "validation")
        return replace(exam, validation=validation)
    return exam


def _measured(problem: Problem, samples: Samples | None, key: Key) -> Exam:
    assert samples is not None
    once = problem.measured_once(samples, key)
    assert once.y is not None
    if once.x is None:
        return Exam(once.y, None, places=once.places)
    truth = bounded(problem.image(once.x), "an image to evaluate on")
    return Exam(once.y, truth, once.x, places=once.places)


def pinv(y: Tensor, physics: Physics) -> Tensor:
    """A†y, as a reconstruction."""
    return physics.pinv(y)


@torch.no_grad()
def reconstruct_all(f: Reconstruct, problem: Problem, exam: Exam) -> Tensor:
    """x̂ for every test measurement, (N, C, H, W); ``problem.image`` of it is looked at."""
    return torch.cat([f(y, physics) for _, y, physics in exam.parts(problem)])


def examine(
    network: nn.Module, problem: Problem, exam: Exam, precision: str = "float32"
) -> tuple[tuple[Metrics, ...] | None, Tensor]:
    """Marks of a network in evaluation mode, and what a person sees; its mode is put back.

    Raises:
        DivergedError: what it reconstructs are no images.
    """
    training = network.training
    network.eval()
    found = reconstruct_all(Reconstruction(network, precision), problem, exam)
    network.train(training)
    bounded(found, "x̂ of an image to evaluate on")
    return marks(found, problem, exam), problem.image(found)


def marks(found: Tensor, problem: Problem, exam: Exam) -> tuple[Metrics, ...] | None:
    """The metrics of each x̂, or ``None`` without ground truth."""
    if exam.truth is None or exam.x is None:
        return None
    images = problem.image(found)
    columns = [metric(images, exam.truth).tolist() for metric in METRICS]
    if parts := psnr_of_parts(found, exam.x, problem.having(exam.places)):
        columns += [part.tolist() for part in parts]
    return tuple(Metrics(*row) for row in zip(*columns, strict=True))


@torch.no_grad()
def psnr_of_parts(found: Tensor, x: Tensor, problem: Problem) -> tuple[Tensor, Tensor] | None:
    """PSNR in dB (peak 1) of the error in the range of A† and in the null space of A, (N,) each.

    The error e = x̂ − x is split as A sees it, in MRI as a complex image: P e and e − P e, P the
    projection on what A sees (``Problem.split``). Each figure is that of what a person sees of the
    part, ``problem.image``, against nothing: the mean squares of both add up to that of e. ``None``
    where the projection is not known.
    """
    parts = problem.split(found - x)
    if parts is None:
        return None
    seen, lost = (problem.image(part) for part in parts)
    nothing = torch.zeros_like(seen)
    return metrics.psnr(seen, nothing), metrics.psnr(lost, nothing)


def mean_of(each: Sequence[Metrics] | None) -> Metrics | None:
    """Each metric averaged over the images."""
    if each is None:
        return None
    return Metrics(
        fmean(one.psnr for one in each),
        fmean(one.ssim for one in each),
        fmean(one.nmse for one in each),
        _mean_of_known([one.psnr_range for one in each]),
        _mean_of_known([one.psnr_null for one in each]),
    )


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


def previewed(n_images: int, n: int) -> list[int]:
    """Which test images are shown: n of them, evenly spread, because neighbours are alike."""
    n = min(n, n_images)
    return [place * n_images // n for place in range(n)]


def previews(images: Tensor, n: int) -> Images:
    """Those images as an event carries them: (n, H, W, C) on the CPU."""
    chosen = images[previewed(len(images), n)]
    shown: Images = chosen.permute(0, 2, 3, 1).float().cpu().numpy()
    return shown


def previewed_marks(each: Sequence[Metrics] | None, n: int) -> tuple[Metrics, ...] | None:
    """Their metrics."""
    return None if each is None else tuple(each[place] for place in previewed(len(each), n))
