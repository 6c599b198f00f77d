"""Finished runs of which nothing is known but their marks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reilab.batch.results import FinishedRun
from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.runs.config import configure
from reilab.runs.marks import Marks
from reilab.show.results import BASELINE


def run(method: str, seed: int, *psnr: float, start: float = 10.0) -> FinishedRun:
    """A finished run with these PSNRs of the test images; A†y has ``start`` for each."""
    config = configure("mri", "smoke", [method], training={"seed": seed})
    found: dict[str, Any] = {
        BASELINE: Marks(*[(start,) * len(psnr)] * 4),
        method: Marks(psnr, psnr, psnr, psnr),
    }
    return FinishedRun(RunFolder(Path(f"{method}-{seed}")), config, History(), found)
