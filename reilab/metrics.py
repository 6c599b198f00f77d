"""Image metrics, one value per image, (B,); images are (B, C, H, W)."""

from __future__ import annotations

import torch
from torch import Tensor


def psnr(image: Tensor, truth: Tensor, peak: float = 1.0) -> Tensor:
    """Peak signal-to-noise ratio in dB, the error averaged over all channels and pixels.

    10 log₁₀(peak² / mean (image − truth)²).

    >>> truth = torch.zeros(2, 1, 8, 8)
    >>> psnr(truth + 0.5, truth)
    tensor([6.0206, 6.0206])
    """
    error = ((image - truth) ** 2).flatten(1).mean(1)
    return 10 * torch.log10(peak**2 / error)


def nmse(image: Tensor, truth: Tensor) -> Tensor:
    """‖image − truth‖² / ‖truth‖², as fastMRI reports it.

    >>> truth = torch.ones(2, 1, 8, 8)
    >>> nmse(truth / 2, truth)
    tensor([0.2500, 0.2500])
    """
    error = ((image - truth) ** 2).flatten(1).sum(1)
    return error / (truth**2).flatten(1).sum(1)


def ssim(image: Tensor, truth: Tensor, peak: float = 1.0) -> Tensor:
    """Structural similarity (Wang et al. 2004) in 7×7 windows, by scikit-image.

    The mean over windows of (2 μ₁μ₂ + c₁)(2 σ₁₂ + c₂) / ((μ₁² + μ₂² + c₁)(σ₁² + σ₂² + c₂)).

    >>> truth = torch.ones(2, 1, 8, 8)
    >>> ssim(truth, truth)
    tensor([1., 1.])
    """
    # Loading it takes longer than the rest of the package, and only evaluation needs it.
    from skimage.metrics import structural_similarity

    pairs = zip(image.cpu().numpy(), truth.cpu().numpy(), strict=True)
    values = [structural_similarity(a, b, data_range=peak, channel_axis=0) for a, b in pairs]
    return torch.tensor(values, dtype=image.dtype)


def rei_legacy_psnr(image: Tensor, truth: Tensor) -> Tensor:
    """The PSNR of the authors' code, one value for the whole batch, to compare with its figures.

    It sums the squared error over batch and channels but divides by H·W alone, and its peak is the
    maximum of the ground truth: RGB images read 10·log₁₀ 3 = 4.77 dB lower than conventionally.

    >>> truth = torch.ones(1, 3, 8, 8)
    >>> psnr(truth / 2, truth) - rei_legacy_psnr(truth / 2, truth)
    tensor([4.7712])
    """
    error = ((image - truth) ** 2).sum() / (truth.shape[-2] * truth.shape[-1])
    return 10 * torch.log10(truth.max() ** 2 / error)
