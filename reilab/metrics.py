"""Image metrics, one value per image, (B,); images are real, (B, C, H, W), each with its truth.

Every metric of images whose values are finite is a finite number, so that means, tables and files
need no exceptions: what a perfect image gets, or a black truth, each metric says.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: The most that PSNR tells, in dB: an error below 1e-5 of the peak is no more than rounding.
MOST = 100.0
#: A mean square below it is black, where the peak is 1.
BLACK = 10 ** (-MOST / 10)


def psnr(image: Tensor, truth: Tensor, peak: float = 1.0) -> Tensor:
    """Peak signal-to-noise ratio in dB, the error averaged over all channels and pixels.

    10 log₁₀(peak² / mean (image − truth)²), and ``MOST`` for an image that is perfect.

    >>> truth = torch.zeros(2, 1, 8, 8)
    >>> psnr(truth + 0.5, truth)
    tensor([6.0206, 6.0206])
    """
    return _decibels(peak**2 / _squared_error(image, truth).flatten(1).mean(1))


def nmse(image: Tensor, truth: Tensor) -> Tensor:
    """‖image − truth‖² / ‖truth‖², as fastMRI reports it.

    A black truth has nothing to measure by: of it a black image gets 0, any other 1.

    >>> truth = torch.ones(2, 1, 8, 8)
    >>> nmse(truth / 2, truth)
    tensor([0.2500, 0.2500])
    """
    error = _squared_error(image, truth).flatten(1)
    energy = _squared_error(truth, torch.zeros_like(truth)).flatten(1)
    missed = (error.mean(1) > BLACK).to(error.dtype)
    return torch.where(energy.mean(1) > BLACK, error.sum(1) / energy.sum(1), missed)


def ssim(image: Tensor, truth: Tensor, peak: float = 1.0) -> Tensor:
    """Structural similarity (Wang et al. 2004) in 7×7 windows, by scikit-image.

    The mean over windows of (2 μ₁μ₂ + c₁)(2 σ₁₂ + c₂) / ((μ₁² + μ₂² + c₁)(σ₁² + σ₂² + c₂)): 1 for
    equal images, constant and black ones too.

    >>> truth = torch.ones(2, 1, 8, 8)
    >>> ssim(truth, truth)
    tensor([1., 1.])
    """
    # Loading it takes longer than the rest of the package, and only evaluation needs it.
    from skimage.metrics import structural_similarity

    image, truth = _real(image, truth)
    pairs = zip(image.cpu().numpy(), truth.cpu().numpy(), strict=True)
    values = [structural_similarity(a, b, data_range=peak, channel_axis=0) for a, b in pairs]
    return torch.tensor(values, dtype=image.dtype)


def rei_legacy_psnr(image: Tensor, truth: Tensor) -> Tensor:
    """The PSNR of the authors' code, one value for the whole batch, to compare with its figures.

    It sums the squared error over batch and channels but divides by H·W alone, and its peak is the
    maximum of the ground truth, or 1 where that is black: RGB images read 10·log₁₀ 3 = 4.77 dB
    lower than conventionally.

    >>> truth = torch.ones(1, 3, 8, 8)
    >>> psnr(truth / 2, truth) - rei_legacy_psnr(truth / 2, truth)
    tensor([4.7712])
    """
    error = _squared_error(image, truth).sum() / (truth.shape[-2] * truth.shape[-1])
    peak = truth.max().to(error.dtype)
    return _decibels(torch.where(peak > 0, peak, 1) ** 2 / error)


def _decibels(ratio: Tensor) -> Tensor:
    return (10 * torch.log10(ratio)).clamp(max=MOST)


def _squared_error(image: Tensor, truth: Tensor) -> Tensor:
    image, truth = _real(image, truth)
    return (image - truth) ** 2


def _real(image: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Both with real floating-point numbers.

    Raises:
        ValueError: other shapes, or complex numbers.
    """
    if image.shape != truth.shape or image.is_complex() or truth.is_complex():
        raise ValueError(
            f"an image {tuple(image.shape)} of {image.dtype} cannot be compared with a truth "
            f"{tuple(truth.shape)} of {truth.dtype}; give real images of one shape, such as "
            "magnitudes"
        )
    # Differences of whole numbers without a sign would wrap around.
    image, truth = (one if one.is_floating_point() else one.float() for one in (image, truth))
    return image, truth
