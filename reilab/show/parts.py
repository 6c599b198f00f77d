"""Parts: what A sees of the images of a scene, what it does not, and their spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from reilab.nullspace import STEPS
from reilab.physics.fourier import DECIBELS, decibels, to_kspace
from reilab.problem import Problem, magnitude
from reilab.show.panes import PINV
from reilab.show.scene import Scene, Shot, scale_end

IMAGE, SEEN, UNSEEN, SPECTRUM = "image", "seen", "unseen", "spectrum"
#: What can be shown of an image, with its name on screen.
PARTS: Mapping[str, str] = {
    IMAGE: "Image",
    SEEN: "Seen by A",
    UNSEEN: "Unseen by A",
    SPECTRUM: "Spectrum (k-space)",
}
COMPLEX = (
    " A run keeps magnitudes: |x̂| is split, and the real part shown; the PSNR are of complex x̂."
)
BOUND = f" Seen is what {STEPS} steps of conjugate gradients find."


def spectrum_of(scene: Scene) -> Scene:
    """The scene with the spectrum of each image in its place, in MRI the k-space of |x̂|."""
    images = _stacked(scene)
    grey = images.flatten(0, 1)[:, None]
    sizes = magnitude(to_kspace(_complex(grey))).view_as(images)
    note = (
        "Log magnitude of the spectrum, lowest frequencies in the middle; white is the brightest "
        f"entry of the first image, black {DECIBELS} dB below it."
    )
    shots = _shots(scene, SPECTRUM, decibels(sizes, sizes[0].max()))
    unjudged = [replace(shot, truth=None) for shot in shots]
    return replace(scene, shots=unjudged, low=0.0, high=1.0, note=note)


def split_of(scene: Scene, part: str, problem: Problem) -> Scene:
    """The scene with what is seen, or unseen, of each image in its place.

    Raises:
        ValueError: what A sees is not known, or the images are not those of the problem.
    """
    images, domain = _stacked(scene), problem.physics.domain
    # A run keeps magnitudes of complex images.
    real = domain[0] == images.shape[1]
    x = images if real else _complex(images)
    if x.shape[1:] != domain:
        raise ValueError(f"images of {tuple(x.shape[1:])} are none of the operator's {domain}")
    parts = problem.split(x)
    if parts is None:
        raise ValueError("What A sees of an image is not known here.")
    chosen = parts[part == UNSEEN][:, : images.shape[1]]
    if not real:
        # Its magnitude does not tell, but A sees all of A†y.
        for index, shot in enumerate(scene.shots):
            if shot.key == PINV:
                chosen[index] = images[index] if part == SEEN else 0
    shots = _shots(scene, part, chosen)
    more = f"{'' if real else COMPLEX}{BOUND if problem.seen else ''}"
    if part == SEEN:
        note = f"What A sees of each image, A†A x̂, on the scale of the images.{more}"
        return replace(scene, shots=shots, note=note)
    span = scene.high - scene.low
    end = span * scale_end([np.abs(shot.image[..., 0]) / span for shot in shots])
    note = f"What A does not see, x̂ − A†A x̂: grey is 0, black −{end:g}, white {end:g}.{more}"
    return replace(scene, shots=shots, low=-end, high=end, span=span, note=note)


def _stacked(scene: Scene) -> Tensor:
    """The images as (B, C, H, W)."""
    return torch.from_numpy(np.stack([shot.image for shot in scene.shots])).permute(0, 3, 1, 2)


def _complex(images: Tensor) -> Tensor:
    """Images (B, 1, H, W) without phase as complex ones in two channels."""
    return torch.cat([images, torch.zeros_like(images)], 1)


def _shots(scene: Scene, part: str, images: Tensor) -> Sequence[Shot]:
    found = images.permute(0, 2, 3, 1).contiguous().numpy()
    # The first one is the ground truth, where it is known.
    return [
        replace(shot, part=part, image=image, truth=shot.truth if shot.truth is None else found[0])
        for shot, image in zip(scene.shots, found, strict=True)
    ]
