"""Evaluation on the test samples: the same measurements for every method and at every step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reilab import metrics
from reilab.events import Images, Metrics
from reilab.key import Key
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.losses import Reconstruct
from reilab.training.state import reconstruction


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
def reconstruct_all(f: Reconstruct, problem: Problem, exam: Exam) -> Tensor:
    """What a person looks at, for every test measurement: (N, C, H, W)."""
    return torch.cat([problem.image(f(y)) for y in torch.split(exam.y, exam.batch)])


def examine(
    network: nn.Module, problem: Problem, exam: Exam, precision: str = "float32"
) -> tuple[Metrics | None, Tensor]:
    """Metrics and images of a network in evaluation mode; its training mode is put back."""
    training = network.training
    network.eval()
    found = reconstruct_all(reconstruction(network, problem.physics, precision), problem, exam)
    network.train(training)
    return mean_metrics(found, exam.truth), found


def mean_metrics(found: Tensor, truth: Tensor | None) -> Metrics | None:
    """Each metric averaged over the images, or ``None`` without ground truth."""
    if truth is None:
        return None
    each = (metric(found, truth) for metric in (metrics.psnr, metrics.ssim, metrics.nmse))
    return Metrics(*(float(values.mean()) for values in each))


def previews(images: Tensor, n: int) -> Images:
    """The first n images as an event carries them: (n, H, W, C) on the CPU."""
    shown: Images = images[:n].permute(0, 2, 3, 1).float().cpu().numpy()
    return shown
