"""Radon transform and FBP, forward and backward. ``python -m benchmarks.projector``

Ours, scikit-image (on the CPU, one image at a time, no gradient: its transform and back-projection
stand in for each other's gradients), deepinv, and the ASTRA toolbox's CPU projector where it is
installed (``pip install astra-toolbox``).
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.measure import Action, Table, in_turns, ratio
from reilab.physics.radon import n_detectors, parallel_beam, spread_angles
from reilab.testing import smooth_image

VIEWS = 50
NOTE = """Line integrals of the images, filtered back-projection of them, and both gradients; 50
views. Seconds are medians of runs in turns. The error is the largest difference of the sinogram
from scikit-image's, over its maximum (for deepinv also with the half pixel that its centre of
rotation is off at even numbers of detectors)."""


def measure(rounds: int = 3) -> Table:
    """All sizes and batches; scikit-image, which is slow and linear in the batch, at 1 and 4."""
    rows = [row(size, batch, rounds) for size in (128, 256, 512) for batch in (1, 4, 16)]
    others = ("scikit-image", "deepinv", "ASTRA")
    columns = ["side", "batch", "ours [s]"]
    columns += [f"{name} / ours" for name in others]
    columns += ["error of ours", "error of deepinv"]
    return Table("Radon transform and FBP, forward and backward", NOTE, columns, rows)


def row(size: int, batch: int, rounds: int) -> list[str]:
    """One size and batch."""
    from skimage.transform import radon

    from benchmarks.with_deepinv import tomography

    print("projector", size, batch, file=sys.stderr, flush=True)
    x = smooth_image((1, size, size), torch.float32)[None].repeat(batch, 1, 1, 1)
    own = parallel_beam(size, VIEWS)
    theirs = tomography(size, spread_angles(VIEWS))
    actions: dict[str, Action] = {
        "ours": there_and_back(own, own.pinv, x),
        "deepinv": there_and_back(theirs.A, theirs.fbp, x),
    }
    if batch <= 4:
        actions["scikit-image"] = with_scikit_image(x)
    if importlib.util.find_spec("astra"):
        actions["ASTRA"] = with_astra(x)
    seconds = in_turns(actions, rounds)
    image = x[0, 0].double().numpy()  # scikit-image rounds more than ours in float32
    expected = torch.from_numpy(radon(image, theta=degrees(), circle=False))
    errors = [
        float((found[0, 0] - expected).abs().max() / expected.max())
        for found in (own(x[:1]), theirs.A(x[:1]))
    ]
    cells = [f"{size}²", str(batch), f"{statistics.median(seconds['ours']):.4f}"]
    for name in ("scikit-image", "deepinv", "ASTRA"):
        known = name in seconds
        cells.append(f"{ratio(seconds[name], seconds['ours']):.1f}" if known else "")
    return [*cells, *(f"{error:.1e}" for error in errors)]


def degrees() -> Any:
    """The angles of the views."""
    return 180 * np.arange(VIEWS) / VIEWS


def there_and_back(
    project: Callable[[Tensor], Tensor], invert: Callable[[Tensor], Tensor], x: Tensor
) -> Action:
    """Both maps and the gradients through them."""

    def run() -> None:
        leaf = x.clone().requires_grad_()
        invert(project(leaf)).sum().backward()  # type: ignore[no-untyped-call]

    return run


def with_scikit_image(x: Tensor) -> Action:
    """Twice transform and filtered back-projection, image by image."""
    from skimage.transform import iradon, radon

    images = x[:, 0].numpy()

    def run() -> None:
        for image in images:
            for _ in range(2):
                sinogram = radon(image, theta=degrees(), circle=False)
                iradon(sinogram, theta=degrees(), circle=False, output_size=len(image))

    return run


def with_astra(x: Tensor) -> Action:
    """ASTRA's linear CPU projector and FBP: each twice, as the gradients are such products too."""
    import astra

    size = x.shape[-1]
    volume = astra.create_vol_geom(size, size)
    rays = astra.create_proj_geom("parallel", 1.0, n_detectors(size), np.deg2rad(degrees()))
    projector = astra.create_projector("linear", rays, volume)
    images = x[:, 0].numpy()

    def run() -> None:
        for image in images:
            for _ in range(2):
                number, sinogram = astra.create_sino(image, projector)
                astra.data2d.delete(number)
                number, _ = astra.create_reconstruction("FBP", projector, sinogram)
                astra.data2d.delete(number)

    return run


if __name__ == "__main__":
    print(measure().markdown())
