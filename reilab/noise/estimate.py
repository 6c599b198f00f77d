"""The deviation of white noise in one measurement, where it shows: in its finest details."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The median of |N(0, 1)|.
MEDIAN = 0.6745
#: So many of the entries of k-space, those farthest from the origin, are taken for noise.
OUTER = 0.25


def haar_noise(image: NDArray[Any]) -> float:
    """The deviation of white noise in an image (..., H, W), by its finest diagonal details.

    The median of their magnitude (Donoho & Johnstone 1994), over the details of Haar's wavelet:
    edges hardly count, but what fine texture there is does. Where one of the four neighbours of a
    detail is NaN, as what was not measured is, it is left out.

    Raises:
        ValueError: no four neighbours have all been measured.

    >>> noise = np.random.default_rng(0).normal(0, 0.1, (200, 200))
    >>> round(haar_noise(np.linspace(0, 1, 200) + noise), 2)
    0.1
    """
    height, width = (side - side % 2 for side in image.shape[-2:])
    even = image[..., :height, :width]
    rows = even[..., ::2, :] - even[..., 1::2, :]
    details = np.abs(rows[..., ::2] - rows[..., 1::2])
    details = details[np.isfinite(details)]
    if not details.size:
        raise ValueError("no four neighbours were measured, so nothing tells noise from image")
    return float(np.median(details) / 2 / MEDIAN)


def outer_noise(values: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    """The deviation of each part of k-space, by the outer quarter of what was measured.

    There an image has little but noise; what fine details it has count as noise.

    Args:
        values: real and imaginary parts (2, m) of the entries that were measured, row by row.
        mask: which they are, (H, W), the origin in the middle.

    >>> values = np.random.default_rng(0).normal(0, 0.1, (2, 200 * 200))
    >>> round(outer_noise(values, np.ones((200, 200), bool)), 2)
    0.1
    """
    return float(np.median(np.abs(values[:, outer_entries(mask)])) / MEDIAN)


def outer_entries(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the measured entries (m,), row by row, are farthest from the origin."""
    down, right = (np.abs(np.arange(side) / side - side // 2 / side) for side in mask.shape)
    distance = np.hypot(down[:, None], right)[mask]
    outer: NDArray[np.bool_] = distance >= np.quantile(distance, 1 - OUTER)
    return outer


def coil_covariance(noise: NDArray[Any]) -> NDArray[np.complex128]:
    """Ψ = E[n nᴴ]/2 of readings of coils without a signal, on its diagonal σ² of each component.

    Args:
        noise: complex, (coils, n).

    >>> noise = np.random.default_rng(0).normal(0, 0.1, (2, 1, 10000))
    >>> coil_covariance(noise[0] + 1j * noise[1]).real.round(3)
    array([[0.01]])
    """
    long = noise.astype(np.complex128)
    covariance: NDArray[np.complex128] = long @ long.conj().T / (2 * long.shape[1])
    return covariance


def whitened(y: NDArray[Any], covariance: NDArray[np.complex128]) -> NDArray[Any]:
    """Coils (..., coils, H, W) whose noise is independent and of deviation 1 in each component.

    L⁻¹ y with Ψ = L Lᴴ (Pruessmann et al., Magnetic Resonance in Medicine 46, 2001).

    Raises:
        ValueError: Ψ has no inverse.

    >>> whitened(np.full((1, 1, 1), 6j), np.full((1, 1), 4.0 + 0j)).imag
    array([[[3.]]])
    """
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise ValueError(
            f"the noise of {len(covariance)} coils has no inverse covariance: a coil is silent, is "
            "the sum of others, or there are fewer noise readings than coils"
        ) from None
    back = np.linalg.inv(root).astype(y.dtype)
    white: NDArray[Any] = np.einsum("ij,...jhw->...ihw", back, y)
    return white
