"""Files of ``torch.save``, read as plain data: numbers, texts and containers, never code."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reilab.foreign import UnreadableError, check_archive, check_regular


class _Code:
    """What a numpy scalar says of its type: the code, and the order of its bytes."""

    def __init__(self, code: str, *_: object) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


def _scalar(kind: _Code, raw: bytes) -> bool | int | float | complex:
    """The number that such bytes are; numpy itself would also take what is no number."""
    if not re.fullmatch(r"[biufc]\d+", kind.code):
        raise ValueError(f"{kind.code} is no number")
    code = ("<" if kind.order == "|" else kind.order) + kind.code
    number: bool | int | float | complex = np.frombuffer(raw, code, count=1)[0].item()
    return number


#: Stand-ins for what numbers of numpy are made of, in files of its versions 1 and 2.
PLAIN: list[Any] = [
    (_Code, "numpy.dtype"),
    *((_scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]


def read_torch_file(path: Path) -> Any:
    """What ``torch.save`` put into a file, on the CPU; numbers of numpy are numbers of Python.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, or it holds more than plain data; nothing in it is run.
    """
    if not path.exists():
        raise FileNotFoundError(f"no file at {path}")
    try:
        check_regular(path)
        if zipfile.is_zipfile(path):
            check_archive(path)
        with warnings.catch_warnings(), torch.serialization.safe_globals(PLAIN):
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnreadableError as error:
        raise ValueError(f"{path} {error}") from None
    except Exception as error:
        # Torch raises whatever the broken bytes lead to, and advises to let the code in it run.
        raise ValueError(f"{path} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What torch says of a file, without its advice."""
    if refused := re.search(r"GLOBAL (\S+)", str(error)):
        return (
            f"it holds {refused[1]}, which is more than plain data, and nothing in it was run; "
            "save the state dict alone"
        )
    return (
        "it is damaged, or no file of torch.save, or it holds more than plain data, and then "
        "nothing in it was run"
    )
