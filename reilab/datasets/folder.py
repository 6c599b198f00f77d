"""A folder of image files (PNG, TIFF, JPEG, NPY) as images to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".npy")
#: Modes whose pixels are intensities; palettes and the like are converted to RGB.
PLAIN_MODES = ("L", "RGB", "RGBA", "I", "I;16", "I;16B", "F")
#: Without ``train`` and ``test`` folders, this share of the files (sorted by name) is for training.
TRAIN_SHARE = 0.9


def load_folder(folder: Path, split: str, size: int, channels: int) -> Tensor:
    """Images (N, channels, size, size) in [0, 1]: centre-cropped to a square, then resized.

    Args:
        folder: with ``train`` and ``test`` below it, or files that are split 90 to 10 by name.
        split: ``train`` or ``test``.
        size: side of the result, in pixels.
        channels: 1 (colour is averaged) or 3 (grey is repeated).

    Raises:
        FileNotFoundError: no such folder, or no images in it.
        ValueError: a file that is no image; names the file.
    """
    files = _files_of(folder, split)
    return torch.stack([_fit(_read(file), size, channels) for file in files])


def _files_of(folder: Path, split: str) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of images at {folder}")
    own = folder / split
    source = own if own.is_dir() else folder
    files = sorted(f for f in source.rglob("*") if f.suffix.lower() in SUFFIXES)
    if source is folder:
        cut = min(round(TRAIN_SHARE * len(files)), len(files) - 1)
        files = files[:cut] if split == "train" else files[cut:]
    if not files:
        raise FileNotFoundError(f"no {split} images ({', '.join(SUFFIXES)}) in {source}")
    return files


def _read(file: Path) -> Tensor:
    """(C, H, W) in [0, 1]: integers by the range of their type, floats by their maximum."""
    try:
        array = np.load(file, allow_pickle=False) if file.suffix == ".npy" else _pixels(file)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} cannot be read as an image: {error}") from error
    if array.ndim not in (2, 3) or array.dtype.kind not in "uif" or not np.isfinite(array).all():
        raise ValueError(
            f"{file} is no image: shape {array.shape}, {array.dtype}; needs (H, W) or (H, W, C), "
            "finite real numbers"
        )
    peak = np.iinfo(array.dtype).max if array.dtype.kind in "ui" else max(array.max(), 1e-12)
    image = torch.from_numpy(array.astype(np.float32) / np.float32(peak)).clamp(0, 1)
    planes = image[..., None] if image.ndim == 2 else image[..., :3]
    return planes.permute(2, 0, 1)


def _pixels(file: Path) -> NDArray[np.generic]:
    with Image.open(file) as image:
        plain = image if image.mode in PLAIN_MODES else image.convert("RGB")
        return np.asarray(plain)


def _fit(image: Tensor, size: int, channels: int) -> Tensor:
    side = min(image.shape[1:])
    top, left = ((extent - side) // 2 for extent in image.shape[1:])
    square = image[None, :, top : top + side, left : left + side]
    fitted = F.interpolate(square, (size, size), mode="bilinear", antialias=True)[0]
    if channels == 1:
        return fitted.mean(0, keepdim=True)
    return fitted if len(fitted) == channels else fitted[:1].expand(channels, -1, -1)
