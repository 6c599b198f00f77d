"""Published figures, to be seen beside one's own; and why the two are not the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reilab.show.results import BASELINE

SOURCE = (
    "README of the authors' code for Chen, Tachella & Davies, Robust Equivariant Imaging, "
    "CVPR 2022; each of one image"
)


@dataclass(frozen=True)
class Published:
    """PSNR in dB at one noise level, by method.

    Args:
        task: name of the task.
        noise: level.
        psnr: by name of the method, or of A†y.
        legacy: whether it is surely the metric of the authors' code (``rei_legacy_psnr``), which
            reads 4.77 dB lower for colour images. In inpainting the figure of A†y tells; in MRI and
            CT nobody has checked which metric the figures are of. There the two differ only in
            the peak, which is the maximum of the ground truth in one and 1 in the other.
    """

    task: str
    noise: float
    psnr: Mapping[str, float]
    legacy: bool = False


PUBLISHED = (
    Published("mri", 0.01, {"ei": 30.84, "rei": 30.98, "supervised": 32.12}),
    Published("mri", 0.1, {"ei": 24.56, "rei": 28.09, "supervised": 29.49}),
    Published("mri", 0.2, {"ei": 19.95, "rei": 27.16, "supervised": 28.60}),
    Published("ct", 1.0, {BASELINE: 14.12, "ei": 22.02, "rei": 29.68, "supervised": 29.96}),
    Published(
        "inpainting",
        0.1,
        {BASELINE: 4.70, "ei": 9.61, "rei": 17.75, "supervised": 18.71},
        legacy=True,
    ),
)


def published(task: str, noise: float) -> Published | None:
    """What was published for a task at a level."""
    return next((one for one in PUBLISHED if (one.task, one.noise) == (task, noise)), None)


def warning(preset: str) -> str:
    """How far one's own figures can be compared with the published ones."""
    if preset == "paper":
        return "Published figures are of single images, ours are means over the test images."
    return (
        "Not comparable: the published figures are of other images, larger networks and longer "
        "training, and of single images. They show where the paper stands, not what is missed here."
    )
