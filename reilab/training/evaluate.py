"""Evaluation on the test samples: the same measurements for every method and at every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor, nn

from reilab import metrics
from reilab.events import Images, Metrics
from reilab.key import Key
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.state import reconstruction

#: In the order of the fields of ``Metrics``.
METRICS = (metrics.psnr, metrics.ssim, metrics.nmse)


@dataclass(frozen=True, eq=False)
class Exam:
    """Test measurements y (N, *range) and, where known, the images (N, C, H, W) to be found."""

    y: Tensor
    truth: Tensor | None
    batch: int = 4


@torch.no_grad()
def prepare_exam(problem: Problem, config: TrainConfig) -> Exam:
    """Measure the test samples, one measurement each, at the address ``seed / "test"``."""
    samples = problem.measured_once(problem.test, Key(config.seed) / "test")
    assert samples.y is not None
    return Exam(samples.y, None if samples.x is None else problem.image(samples.x))


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
