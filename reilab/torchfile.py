"""Files of ``torch.save``, read as plain data: numbers, texts and containers, never code."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch


def read_torch_file(path: Path) -> Any:
    """What ``torch.save`` put into a file, on the CPU.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, or it holds more than plain data; nothing in it is run.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Torch raises whatever the broken bytes lead to, and advises to let the code in it run.
        raise ValueError(
            f"{path} cannot be read: it is damaged, or no file of torch.save, or it holds more "
            "than plain data, and then nothing in it was run"
        ) from error
