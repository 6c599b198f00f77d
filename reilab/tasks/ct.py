"""Low-dose sparse-view CT with mixed noise: photon counts of a few views, rotations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch
from torch import Tensor

from reilab.datasets.acquired import ACQUIRED_FILES, load_acquired, parse_readings
from reilab.datasets.catalogue import image_splits
from reilab.datasets.layouts import ANGLES, load_angles
from reilab.datasets.pose import AS_ACQUIRED, POSE
from reilab.datasets.samples import Samples
from reilab.groups import GROUPS
from reilab.nets.proximal import ProximalSpec
from reilab.nets.unet import SIDE_MULTIPLE, UNetSpec
from reilab.noise.base import HIGHEST, Noise
from reilab.noise.registry import (
    CURVATURE,
    READING_NOISE_MODEL,
    TAU,
    TAU_IN,
    Steps,
    make_noise,
)
from reilab.nullspace import STEPS, Map, measured_part
from reilab.physics.radon import FILTERS, Beam, Radon, radon_at, ramp_filter, spread_angles
from reilab.physics.transmission import Transmission
from reilab.problem import Picture, Problem
from reilab.settings import Setting
from reilab.tasks.registry import Preset, task
from reilab.training.config import TrainConfig

#: Attenuation per pixel of an image value of 1 when the object spans 256 pixels (paper's setting).
ATTENUATION_AT_256 = 0.0064

#: Terms that compare readings, of the order of 10⁵ counts, have the paper's weight of such terms;
#: images are of the order of 1.
READINGS = dict.fromkeys(
    (
        "alpha_mc",
        "alpha_sure",
        "alpha_unsure",
        "alpha_split",
        "alpha_turned_split",
        "alpha_gr2r",
    ),
    1e-5,
)
#: The paper's weights.
PAPER = {**READINGS, "alpha_eq": 1e3, "alpha_req": 1e3}

#: Weights that were chosen on validation images.
QUICK = {
    **READINGS,
    "transforms": 1,
    "alpha_eq": 1e4,
    "alpha_req": 3e3,
    "req_target": "held",
}

PRESETS = {
    "smoke": Preset(
        {"size": 32, "views": 12, "gamma": 10.0},
        TrainConfig(steps=4, batch=2, log_every=1, evaluate_every=2),
        {1.0: {}, 100.0: {}},
        UNetSpec(width=8),
        PAPER,
    ),
    # So few views that there is a null space to learn, and a network whose steps solve for the
    # measurements: filtered back-projection of 16 views is far from what they say.
    "quick": Preset(
        {"size": 64, "views": 16, "gamma": 20.0},
        TrainConfig(
            steps=400,
            batch=2,
            evaluate_every=50,
            learning_rate=1e-3,
            milestones=(320,),
            ends_with="best",
        ),
        # The more noise, the less the measurements are to be believed; with little EI, too, is the
        # better for a target that is held.
        {
            1.0: {"eq_target": "held", "alpha_req": 1e3},
            20.0: {},
            60.0: {"alpha_eq": 1e5},
        },
        ProximalSpec(),
        QUICK,
    ),
    "hour": Preset(
        {"size": 128, "views": 32, "gamma": 20.0},
        TrainConfig(
            steps=800,
            evaluate_every=100,
            learning_rate=1e-3,
            milestones=(640,),
            ends_with="best",
        ),
        {20.0: {}},
        ProximalSpec(),
        {**QUICK, "alpha_req": 1e3},
    ),
    "standard": Preset(
        {"size": 256, "gamma": 10.0},
        TrainConfig(
            steps=20_000,
            milestones=(8_000, 16_000),
            log_every=20,
            evaluate_every=500,
            kept_states=4,
        ),
        {1.0: {}, 10.0: {}},
        methods=PAPER,
    ),
    # 90 images in batches of 2 for 3000 epochs, a tenth of the learning rate after every 1000.
    "paper": Preset(
        {"data": "ct100", "size": 256, "tau": 10.0, "tau_in": "units"},
        TrainConfig(
            steps=135_000,
            milestones=(45_000, 90_000),
            log_every=90,
            evaluate_every=2700,
            kept_states=4,
        ),
        methods=PAPER,
    ),
}


GEOMETRIES = ("parallel", "fan")

#: One ray without photons is not to darken the picture: so many per mille may be too bright.
TOO_BRIGHT = 1


def draw_sinogram(transmission: Transmission, y: Tensor) -> Tensor:
    """Line integrals from readings (B, 1, detectors, views): views from left to right."""
    integrals = torch.log(transmission.blank / y.clamp(min=transmission.floor)).clamp(min=0)
    rank = max(1, integrals[0].numel() * TOO_BRIGHT // 1000)
    top = integrals.flatten(1).topk(rank).values[:, -1].view(-1, 1, 1, 1)
    return (integrals / top.clamp(min=torch.finfo(y.dtype).tiny)).clamp(max=1)


def seen_by(radon: Radon) -> Map:
    """The projection on what line integrals see; the exponential in front of them loses nothing."""
    return lambda x: measured_part(radon.double, x, ramp_filter, STEPS)


@task("ct", title="Low-dose CT", noise="gamma", presets=PRESETS)
@dataclass(frozen=True)
class CT:
    """Low-dose CT: readings of a few views, Poisson and electronic noise, rotations."""

    data: Annotated[str, Setting("Images: ct, a prepared set, or a folder.")] = "ct"
    pose: Annotated[str, POSE] = AS_ACQUIRED
    measured: Annotated[str, ACQUIRED_FILES] = ""
    size: Annotated[
        int, Setting("Image side.", unit="pixels", low=32, multiple_of=SIDE_MULTIPLE)
    ] = 256
    views: Annotated[
        int,
        Setting("Views, evenly over the arc.", unit="views", low=2, high=720, slider=(4, 100)),
    ] = 50
    arc: Annotated[
        float,
        Setting(
            "Range of the views, which leave out its end; less than 180 is a limited range, and a "
            "fan needs its opening beyond that.",
            unit="degrees",
            positive=True,
            high=360.0,
            slider=(30.0, 360.0),
        ),
    ] = 180.0
    angles: Annotated[str, ANGLES] = ""
    geometry: Annotated[
        str, Setting("Rays: parallel, or a fan on a flat detector.", choices=GEOMETRIES)
    ] = "parallel"
    source_distance: Annotated[
        float,
        Setting(
            "Distance of a fan's source from the centre of rotation.",
            unit="image sides",
            low=0.75,
        ),
    ] = 1.5
    detectors: Annotated[
        int, Setting("Detector elements; 0: as many as see the whole image.", low=0, high=4096)
    ] = 0
    detector_pixel: Annotated[
        float,
        Setting(
            "Width of a detector element, as it looks in the centre of rotation.",
            unit="pixels",
            low=0.1,
        ),
    ] = 1.0
    detector_offset: Annotated[
        float,
        Setting(
            "How far the detector is off the centre.",
            unit="elements",
            low=-4096.0,
            high=4096.0,
        ),
    ] = 0.0
    filter: Annotated[str, Setting("Filter of back-projection.", choices=tuple(FILTERS))] = (
        "ram-lak"
    )
    blank: Annotated[
        float, Setting("Reading without an object, I₀.", unit="counts", positive=True, high=HIGHEST)
    ] = 1e5
    noise_model: Annotated[str, READING_NOISE_MODEL] = "mixed"
    gamma: Annotated[
        float,
        Setting(
            "γ of the noise_model, if it is poisson or mixed: counts that one photon makes; I₀/γ "
            "photons set out on each ray.",
            unit="counts per photon",
            positive=True,
            high=HIGHEST,
            slider=(1.0, 300.0),
        ),
    ] = 1.0
    sigma: Annotated[
        float,
        Setting(
            "σ of the noise_model: the standard deviation of the electronic noise of a reading, in "
            "mixed noise beside that of the photons. Poisson noise has none.",
            unit="counts",
            low=0.0,
            high=HIGHEST,
            slider=(0, 300),
        ),
    ] = 30.0
    tau: Annotated[float, TAU] = 0.03
    tau_in: Annotated[str, TAU_IN] = "deviations"
    curvature: Annotated[float, CURVATURE] = 0.0
    group: Annotated[str, Setting("Transforms under which images stay images.", choices=GROUPS)] = (
        "rotations"
    )

    def build(self, device: str = "cpu") -> Problem:
        """The object keeps its physical size: a pixel of a smaller image attenuates more."""
        angles = load_angles(self.angles) if self.angles else spread_angles(self.views, self.arc)
        radon = radon_at(self.size, angles, self._beam(), device)
        attenuation = ATTENUATION_AT_256 * 256 / self.size
        transmission = Transmission(radon, self.blank, attenuation)
        validation: Samples | None = None
        if self.measured:
            parse = partial(parse_readings, *radon.range[1:], self.blank)
            _, train, test = load_acquired(self.measured, parse, device)
        else:
            train, validation, test = image_splits(self.data, self.size, 1, device, self.pose)
        return Problem(
            physics=transmission,
            noise=self._noise(),
            group=GROUPS[self.group](self.size),
            train=train,
            test=test,
            validation=validation,
            picture=Picture("Sinogram, line integrals", partial(draw_sinogram, transmission)),
            seen=seen_by(radon),
        )

    def _beam(self) -> Beam:
        return Beam(
            self.source_distance * self.size if self.geometry == "fan" else math.inf,
            self.detector_pixel,
            self.detector_offset,
            self.detectors,
            self.filter,
        )

    def _noise(self) -> Noise:
        """Readings are brightest without an object."""
        steps = Steps(self.tau, self.tau_in, self.curvature)
        return make_noise(self.noise_model, self.sigma, self.gamma, steps, peak=self.blank)
