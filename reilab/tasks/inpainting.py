"""Inpainting with Poisson noise: some pixels of a photograph, circular shifts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from torch import Tensor

from reilab.datasets.acquired import (
    ACQUIRED_FILES,
    check_own_mask,
    load_acquired,
    parse_pixels,
)
from reilab.datasets.catalogue import image_splits
from reilab.datasets.layouts import PIXEL_MASK, load_pixel_mask
from reilab.datasets.samples import Samples
from reilab.groups import GROUPS
from reilab.key import Key
from reilab.nets.decomposed import DecomposedSpec
from reilab.nets.unet import SIDE_MULTIPLE, UNetSpec
from reilab.noise.base import HIGHEST
from reilab.noise.registry import CURVATURE, NOISE_MODEL, TAU, TAU_IN, Steps, make_noise
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.places import MANY, ONE, OPERATORS, Masks
from reilab.problem import Picture, Problem, with_masks
from reilab.settings import Setting
from reilab.tasks.registry import Preset, task
from reilab.training.config import TrainConfig

#: Noise levels of the paper.
LEVELS: dict[float, dict[str, Any]] = {0.01: {}, 0.05: {}, 0.1: {}}

PRESETS = {
    "smoke": Preset(
        {"size": 32},
        TrainConfig(steps=4, batch=2, log_every=1, evaluate_every=2),
        {0.01: {}, 0.1: {}},
        UNetSpec(width=8),
        {"transforms": 3},
    ),
    "quick": Preset(
        {"size": 64},
        TrainConfig(
            steps=500,
            batch=2,
            evaluate_every=50,
            learning_rate=2e-3,
            milestones=(400,),
            ends_with="best",
        ),
        # The lowest hardly has noise: what EI learns of the null space, and no more.
        {0.001: {}, **LEVELS},
        DecomposedSpec(),
        {"transforms": 1, "req_target": "held"},
    ),
    "hour": Preset(
        {"size": 128},
        TrainConfig(
            steps=1500,
            evaluate_every=250,
            learning_rate=2e-3,
            milestones=(1200,),
            ends_with="best",
        ),
        LEVELS,
        DecomposedSpec(),
        {"transforms": 1, "req_target": "held"},
    ),
    "standard": Preset(
        {"size": 256},
        TrainConfig(
            steps=20_000,
            batch=1,
            learning_rate=1e-4,
            milestones=(8_000, 16_000),
            log_every=20,
            evaluate_every=500,
            kept_states=4,
        ),
        LEVELS,
        methods={"transforms": 3},
    ),
    # 90 images one by one for 500 epochs, a tenth of the learning rate after every 100.
    "paper": Preset(
        {"data": "urban100", "size": 256, "keep": 0.699, "tau": 1e-2, "tau_in": "units"},
        TrainConfig(
            steps=45_000,
            batch=1,
            learning_rate=1e-4,
            milestones=(9_000, 18_000, 27_000, 36_000),
            log_every=30,
            evaluate_every=900,
            kept_states=4,
        ),
        LEVELS,
        # The authors' mean is over all pixels, ours over those that are seen.
        methods={"transforms": 3, "alpha_mc": 0.699},
    ),
}


def draw_pixels(mask: PixelMask, y: Tensor) -> Tensor:
    """The photographs (B, 3, H, W), what is not seen black."""
    return mask.adjoint(y).clamp(0, 1)


@task("inpainting", title="Inpainting", noise="gamma", presets=PRESETS)
@dataclass(frozen=True)
class Inpainting:
    """Inpainting: some of the pixels of a photograph, Poisson noise, shifts."""

    data: Annotated[str, Setting("Images: urban, a prepared set, or a folder.")] = "urban"
    measured: Annotated[str, ACQUIRED_FILES] = ""
    size: Annotated[
        int, Setting("Image side.", unit="pixels", low=32, multiple_of=SIDE_MULTIPLE)
    ] = 256
    keep: Annotated[
        float,
        Setting("Share of the pixels that is seen.", low=0.05, high=1.0, slider=(0.05, 1.0)),
    ] = 0.7
    mask: Annotated[str, PIXEL_MASK] = ""
    mask_seed: Annotated[int, Setting("Names the random pixels.", low=0)] = 0
    operators: Annotated[str, OPERATORS] = ONE
    noise_model: Annotated[str, NOISE_MODEL] = "poisson"
    gamma: Annotated[
        float,
        Setting(
            "γ of the noise_model, if that is its level: of counts and of speckle the variance of "
            "a pixel of value 1.",
            positive=True,
            high=HIGHEST,
            slider=(0.005, 0.2),
        ),
    ] = 0.05
    sigma: Annotated[
        float,
        Setting(
            "σ of the noise_model, if that is its level, or if it is mixed: the standard deviation "
            "of what is added to a pixel.",
            unit="of white",
            low=0.0,
            high=HIGHEST,
            slider=(0.0, 0.3),
        ),
    ] = 0.1
    tau: Annotated[float, TAU] = 0.05
    tau_in: Annotated[str, TAU_IN] = "deviations"
    curvature: Annotated[float, CURVATURE] = 0.0
    group: Annotated[str, Setting("Transforms under which images stay images.", choices=GROUPS)] = (
        "shifts"
    )

    def build(self, device: str = "cpu") -> Problem:
        """All three channels are seen of a pixel, or none."""
        check_own_mask(self.measured, self.mask, self.operators)
        validation: Samples | None = None
        if self.measured:
            parse = partial(parse_pixels, self.size)
            found, train, test = load_acquired(self.measured, parse, device)
            pixels = found.entries.to(device)
        else:
            pixels = self._pixels().to(device)
            train, validation, test = image_splits(self.data, self.size, 3, device)
        mask = PixelMask((3, self.size, self.size), pixels)
        problem = Problem(
            physics=mask,
            noise=make_noise(self.noise_model, self.sigma, self.gamma, self._steps()),
            group=GROUPS[self.group](self.size),
            train=train,
            test=test,
            validation=validation,
            picture=Picture("Masked photograph", partial(draw_pixels, mask)),
        )
        many = self.operators == MANY and not self.measured
        return with_masks(problem, self._masks()) if many else problem

    def _masks(self) -> Masks:
        draw = partial(random_pixels, self.size, self.keep)
        return Masks(draw, Key(self.mask_seed) / "pixels", draw_pixels)

    def _pixels(self) -> Tensor:
        """Flat indices of the pixels that are seen."""
        if self.mask:
            return load_pixel_mask(self.mask, self.size).flatten().nonzero()[:, 0]
        return random_pixels(self.size, self.keep, Key(self.mask_seed) / "inpainting")

    def _steps(self) -> Steps:
        return Steps(self.tau, self.tau_in, self.curvature)
