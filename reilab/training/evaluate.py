"""Evaluation on the test samples: the same measurements for every method and at every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch
from torch import Tensor, nn

from reilab import metrics
from reilab.datasets.samples import Samples
from reilab.events import Images, Metrics
from reilab.key import Key
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.state import reconstruction

#: In the order of the fields of ``Metrics``.
METRICS = (metrics.psnr, metrics.ssim, metrics.nmse)


@dataclass(frozen=True, eq=False)
class Exam:
    """Test measurements y (N, *range) and, where known, the images (N, C, H, W) to be found.

    ``validation`` are the measurements that early stopping judges by, if any.
    """

    y: Tensor
    truth: Tensor | None
    batch: int = 4
    validation: Exam | None = None


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
    return Exam(once.y, None if once.x is None else problem.image(once.x))


@torch.no_grad()
def reconstruct_all(f: Callable[[Tensor], Tensor], problem: Problem, exam: Exam) -> Tensor:
    """What a person looks at, for every test measurement: (N, C, H, W)."""
    return torch.cat([problem.image(f(y)) for y in torch.split(exam.y, exam.batch)])


def examine(
    network: nn.Module, problem: Problem, exam: Exam, precision: str = "float32"
) -> tuple[tuple[Metrics, ...] | None, Tensor]:
    """Marks and images of a network in evaluation mode; its training mode is put back."""
    training = network.training
    network.eval()
    found = reconstruct_all(reconstruction(network, problem.physics, precision), problem, exam)
    network.train(training)
    return marks(found, exam.truth), found


def marks(found: Tensor, truth: Tensor | None) -> tuple[Metrics, ...] | None:
    """The metrics of each image, or ``None`` without ground truth."""
    if truth is None:
        return None
    columns = (metric(found, truth).tolist() for metric in METRICS)
    return tuple(Metrics(*row) for row in zip(*columns, strict=True))


def mean_of(each: Sequence[Metrics] | None) -> Metrics | None:
    """Each metric averaged over the images."""
    if each is None:
        return None
    return Metrics(
        fmean(one.psnr for one in each),
        fmean(one.ssim for one in each),
        fmean(one.nmse for one in each),
    )


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
