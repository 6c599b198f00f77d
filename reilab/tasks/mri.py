"""Accelerated MRI with Gaussian noise: some columns of k-space, rotations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from torch import Tensor

from reilab.datasets.acquired import ACQUIRED_FILES, load_acquired, parse_kspace
from reilab.datasets.catalogue import image_splits
from reilab.datasets.pose import AS_ACQUIRED, POSE
from reilab.datasets.samples import Samples
from reilab.groups import GROUPS
from reilab.nets.unet import SIDE_MULTIPLE, UNetSpec
from reilab.noise import Gaussian
from reilab.physics.fourier import CartesianMRI, random_columns
from reilab.problem import Picture, Problem, magnitude
from reilab.settings import Setting
from reilab.tasks.registry import Preset, task
from reilab.training.config import TrainConfig

#: Noise levels of the paper.
LEVELS: dict[float, dict[str, Any]] = {0.01: {}, 0.05: {}, 0.1: {}, 0.2: {}}

PRESETS = {
    "smoke": Preset(
        {"size": 32},
        TrainConfig(steps=4, batch=2, log_every=1, evaluate_every=2, learning_rate=1e-3),
        {0.01: {}, 0.2: {}},
        UNetSpec(width=8),
    ),
    # The centre holds as many cycles as at full size, so that A†y is as good as it is there.
    "quick": Preset(
        {"size": 80, "center": 0.24},
        TrainConfig(
            steps=560,
            batch=2,
            evaluate_every=40,
            learning_rate=2e-3,
            milestones=(440,),
        ),
        LEVELS,
        UNetSpec(width=16),
        {"transforms": 1, "alpha_eq": 10.0},
    ),
    "standard": Preset(
        {"size": 256},
        TrainConfig(
            steps=20_000,
            milestones=(12_000,),
            log_every=20,
            evaluate_every=500,
            kept_states=4,
        ),
        LEVELS,
    ),
    # 900 images in batches of 2 for 500 epochs, a tenth of the learning rate after 300.
    "paper": Preset(
        {"data": "fastmri", "size": 320},
        TrainConfig(
            steps=225_000,
            milestones=(135_000,),
            log_every=150,
            evaluate_every=4500,
            kept_states=4,
        ),
        LEVELS,
    ),
}


#: The picture of k-space goes this far down from its brightest entry.
DECIBELS = 60


def draw_kspace(columns: Tensor, width: int, y: Tensor) -> Tensor:
    """The magnitude of k-space (B, 2, H, k) on a logarithmic scale, unmeasured columns black."""
    size = magnitude(y)
    share = size / size.amax((1, 2, 3), keepdim=True)
    grey = (1 + 20 / DECIBELS * share.log10()).clamp(0, 1)
    return y.new_zeros(len(y), 1, y.shape[2], width).index_copy(3, columns, grey)


@task("mri", title="Accelerated MRI", noise="sigma", presets=PRESETS)
@dataclass(frozen=True)
class MRI:
    """Accelerated MRI: a quarter of the columns of k-space, Gaussian noise, rotations."""

    data: Annotated[str, Setting("Images: knee, brain, a prepared set, or a folder.")] = "knee"
    pose: Annotated[str, POSE] = AS_ACQUIRED
    measured: Annotated[str, ACQUIRED_FILES] = ""
    size: Annotated[
        int, Setting("Image side.", unit="pixels", low=32, multiple_of=SIDE_MULTIPLE)
    ] = 320
    acceleration: Annotated[
        int, Setting("Columns of k-space per measured one.", low=2, high=12)
    ] = 4
    center: Annotated[
        float, Setting("Share of fully sampled columns at the origin.", low=0.0, high=1.0)
    ] = 0.08
    sigma: Annotated[
        float,
        Setting(
            "Noise of each real component of k-space.",
            unit="of the image maximum",
            low=0.0,
            slider=(0.0, 0.3),
        ),
    ] = 0.1
    group: Annotated[
        str, Setting("Transforms under which images stay images.", choices=tuple(GROUPS))
    ] = "rotations"

    def build(self, device: str = "cpu") -> Problem:
        """The operator samples the centre and random columns: fastMRI's random mask, seed 1."""
        validation: Samples | None = None
        if self.measured:
            parse = partial(parse_kspace, self.size)
            columns, train, test = load_acquired(self.measured, parse, device)
        else:
            center, factor = self.center, self.acceleration
            columns = random_columns(self.size, factor, center, seed=1, device=device)
            train, validation, test = image_splits(self.data, self.size, 2, device, self.pose)
        return Problem(
            physics=CartesianMRI((2, self.size, self.size), columns),
            noise=Gaussian(self.sigma),
            group=GROUPS[self.group](self.size),
            train=train,
            test=test,
            validation=validation,
            image=magnitude,
            picture=Picture("k-space, log magnitude", partial(draw_kspace, columns, self.size)),
        )
