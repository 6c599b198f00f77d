"""A fourth task in one file, as an inventor would write it: Gaussian denoising."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from reilab.datasets.catalogue import load_images
from reilab.datasets.samples import InMemory
from reilab.groups import Flips
from reilab.nets.unet import UNetSpec
from reilab.noise import Gaussian
from reilab.problem import Problem
from reilab.settings import Setting
from reilab.tasks.registry import Preset, task
from reilab.training.config import TrainConfig


@dataclass(frozen=True)
class Identity:
    """A = I."""

    domain: tuple[int, int, int]

    @property
    def range(self) -> tuple[int, int, int]:
        return self.domain

    def __call__(self, x: Tensor) -> Tensor:
        return x

    def adjoint(self, y: Tensor) -> Tensor:
        return y

    def pinv(self, y: Tensor) -> Tensor:
        return y


FAST = TrainConfig(steps=4, batch=2, log_every=1, evaluate_every=2)
SMALL = Preset({"size": 32}, FAST, network=UNetSpec(width=8))
PRESETS = {"smoke": SMALL, "quick": SMALL}


@task("denoising", title="Denoising", noise="sigma", presets=PRESETS)
@dataclass(frozen=True)
class Denoising:
    """Denoising: all pixels are seen, with Gaussian noise."""

    size: Annotated[int, Setting("Image side.", unit="pixels", low=32, multiple_of=8)] = 64
    sigma: Annotated[
        float, Setting("Noise level.", unit="of the maximum", low=0.0, slider=(0.0, 0.5))
    ] = 0.2

    def build(self, device: str = "cpu") -> Problem:
        """Knee images, mirrored."""
        train, test = (load_images("knee", part, self.size, 1) for part in ("train", "test"))
        return Problem(
            physics=Identity((1, self.size, self.size)),
            noise=Gaussian(self.sigma),
            group=Flips(),
            train=InMemory(train.to(torch.device(device))),
            test=InMemory(test.to(torch.device(device))),
        )
