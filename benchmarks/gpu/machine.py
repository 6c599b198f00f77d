"""What this is run on: the card, its rates, and the programs that are there."""

from __future__ import annotations

import importlib.metadata
import os
import platform

import torch

from benchmarks.gpu.part import Setup

#: What parts can use if it is there.
OPTIONAL = ("deepinv", "astra-toolbox", "triton", "pytest-xdist", "hypothesis")


def run(setup: Setup) -> None:
    """A list of names and versions."""
    setup.tell("")
    cores = os.cpu_count()
    lines = [
        f"{platform.machine()}, {cores} cores, {platform.system()}, "
        f"Python {platform.python_version()}",
        f"torch {torch.__version__}, CUDA {torch.version.cuda}, "
        f"cuDNN {torch.backends.cudnn.version()}",  # type: ignore[no-untyped-call]
        *(_package(name) for name in OPTIONAL),
    ]
    if setup.on_gpu:
        card = torch.cuda.get_device_properties(setup.device)
        lines.insert(
            0,
            f"{card.name}, {card.total_memory / 2**30:.0f} GiB, "
            f"{card.multi_processor_count} multiprocessors, compute capability "
            f"{card.major}.{card.minor}",
        )
    setup.tell("\n".join(f"- {line}" for line in lines) + "\n")


def _package(name: str) -> str:
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name} is not installed"
