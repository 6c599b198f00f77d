"""Image metrics, one value per image, (B,); images are (B, C, H, W)."""

from __future__ import annotations

import torch
from torch import Tensor


def psnr(image: Tensor, truth: Tensor, peak: float = 1.0) -> Tensor:
    """Peak signal-to-noise ratio in dB, the error averaged over all channels and pixels."""
    error = ((image - truth) ** 2).flatten(1).mean(1)
    return 10 * torch.log10(peak**2 / error)


def nmse(image: Tensor, truth: Tensor) -> Tensor:
    """‖image − truth‖² / ‖truth‖², as fastMRI reports it."""
    error = ((image - truth) ** 2).flatten(1).sum(1)
    return error / (truth**2).flatten(1).sum(1)


def ssim(image: Tensor, truth: Tensor, peak: float = 1.0) -> Tensor:
    """Structural similarity (Wang et al. 2004) in 7×7 windows, by scikit-image."""
    # Loading it takes longer than the rest of the package, and only evaluation needs it.
    from skimage.metrics import structural_similarity

    pairs = zip(image.cpu().numpy(), truth.cpu().numpy(), strict=True)
    values = [structural_similarity(a, b, data_range=peak, channel_axis=0) for a, b in pairs]
    return torch.tensor(values, dtype=image.dtype)


def rei_legacy_psnr(image: Tensor, truth: Tensor) -> Tensor:
    """The PSNR of the authors' code, one value for the whole batch, to compare with its figures.

    It sums the squared error over batch and channels but divides by H·W alone, and its peak is the
    maximum of the ground truth: RGB images read 10·log₁₀ 3 = 4.77 dB lower than conventionally.
    """
    error = ((image - truth) ** 2).sum() / (truth.shape[-2] * truth.shape[-1])
    return 10 * torch.log10(truth.max() ** 2 / error)
