"""Coils: k-space as several of them measure it, made ready for SENSE: white noise, and maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reilab.noise.estimate import coil_covariance, outer_entries, whitened

#: Side of the kernels of ESPIRiT, and the least and most that they are calibrated on.
KERNEL, LEAST, MOST = 6, 12, 24


def white_coils(
    y: NDArray[np.complex64], mask: NDArray[np.bool_], noise: NDArray[Any] | None
) -> tuple[NDArray[np.complex64], float]:
    """Coils as they were read, with independent noise and images up to 1; its σ in each component.

    Args:
        y: k-space (N, coils, H, W), 0 where nothing was measured.
        mask: what was, (H, W).
        noise: readings without a signal (coils, n). Where there are none, the outer part of k-space
            is taken for noise.

    Raises:
        ValueError: the noise is not that of these coils, or tells no covariance.
    """
    if noise is None:
        noise = np.concatenate(y[..., mask][..., outer_entries(mask)], axis=1)
    if noise.ndim != 2 or len(noise) != y.shape[1] or not np.isfinite(noise).all():
        raise ValueError(
            f"noise has the shape {noise.shape}; needs finite readings ({y.shape[1]}, n)"
        )
    white = whitened(y, coil_covariance(noise))
    peak = max(float(combined(one).max()) for one in white)
    white /= np.float32(peak)
    return white, 1 / peak


def combined(y: NDArray[Any]) -> NDArray[Any]:
    """The root of the sum of squares of the coils' images (H, W), of k-space (coils, H, W)."""
    images = np.fft.ifft2(y, norm="ortho")
    root: NDArray[Any] = np.sqrt((np.abs(images) ** 2).sum(0))
    return np.fft.fftshift(root)


def espirit_maps(y: NDArray[np.complex64], mask: NDArray[np.bool_]) -> NDArray[np.complex64]:
    """The sensitivities (coils, H, W), complex, of the fully sampled centre of k-space.

    ESPIRiT (Uecker et al., Magnetic Resonance in Medicine 71, 2014) by SigPy. Maps are not cut off
    where there is no signal, so that an image is asked for everywhere.

    Args:
        y: k-space (coils, H, W).
        mask: what was measured, (H, W).

    Raises:
        ValueError: the centre is too small, or SigPy is missing.
    """
    width = _centre(mask)
    if width < LEAST:
        raise ValueError(
            f"the fully sampled centre of k-space has {width}×{width} entries, and the coils' maps "
            f"need {LEAST}×{LEAST}: bring an array 'maps' (coils, H, W)"
        )
    try:
        from sigpy.mri.app import EspiritCalib
    except ImportError:
        raise ValueError(
            "estimating the coils' maps needs SigPy, which is missing: pip install 'reilab[mri]', "
            "or bring an array 'maps' (coils, H, W)"
        ) from None
    calibrated = EspiritCalib(y, width, kernel_width=KERNEL, crop=0, show_pbar=False)
    maps: NDArray[np.complex64] = calibrated.run()
    return maps


def _centre(mask: NDArray[np.bool_]) -> int:
    """Side of the largest square around the origin of which all was measured, at most ``MOST``."""
    top, left = (side // 2 for side in mask.shape)
    for width in range(min(MOST, *mask.shape), 0, -1):
        first, before = top - width // 2, left - width // 2
        if mask[first : first + width, before : before + width].all():
            return width
    return 0
