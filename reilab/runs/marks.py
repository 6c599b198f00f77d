"""Marks: the metrics of every test image of a finished run, in ``marks.json`` of its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from torch import Tensor

from reilab.disk import replace_text
from reilab.events import Metrics
from reilab.metrics import rei_legacy_psnr
from reilab.plain import read_json, to_json
from reilab.record.folder import RunFolder
from reilab.runs.config import config_of
from reilab.runs.stream import prepare
from reilab.show.results import BASELINE
from reilab.training.checkpoint import load_checkpoint
from reilab.training.evaluate import Exam, examine, marks, pinv, reconstruct_all

FILE = "marks.json"


@dataclass(frozen=True)
class Marks:
    """Metrics of one reconstruction of each test image, in order.

    Args:
        psnr: in dB, with peak 1.
        ssim: 1 is best.
        nmse: 0 is best.
        legacy_psnr: in dB, as the authors' code has it (``rei_legacy_psnr`` of each image).
        psnr_range: of what A sees of the error, in dB; ``None`` where it is not known.
        psnr_null: of what A does not see of it.
    """

    psnr: tuple[float, ...]
    ssim: tuple[float, ...]
    nmse: tuple[float, ...]
    legacy_psnr: tuple[float, ...]
    psnr_range: tuple[float, ...] | None = None
    psnr_null: tuple[float, ...] | None = None


def write_marks(folder: RunFolder) -> None:
    """Evaluate the last checkpoint of each method, and A†y, on all test images.

    Without ground truth there is nothing but the names.
    """
    config = config_of(folder)
    prepared = prepare(
        config, restore=lambda state: load_checkpoint(state, folder.checkpoint(state.method))
    )
    problem, exam = prepared.problem, prepared.exam
    start = reconstruct_all(pinv, problem, exam)
    found = {BASELINE: _marks(marks(start, problem, exam), problem.image(start), exam)}
    for state in prepared.states:
        each, images = examine(state.network, problem, exam, config.training.precision)
        found[state.method] = _marks(each, images, exam)
    replace_text(folder.path / FILE, to_json(found))


def read_marks(folder: RunFolder) -> Mapping[str, Marks | None]:
    """By method, A†y first; ``None`` without ground truth.

    Raises:
        FileNotFoundError: they have not been written.
        ValueError: the file is damaged.
    """
    return read_json(dict[str, Marks | None], folder.path / FILE)


def marks_fault(folder: RunFolder) -> str:
    """Why the marks cannot be read; empty if they can."""
    try:
        read_marks(folder)
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def mean_and_spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; one value alone has none."""
    return fmean(values), stdev(values) if len(values) > 1 else None


def _marks(each: Sequence[Metrics] | None, images: Tensor, exam: Exam) -> Marks | None:
    if each is None or exam.truth is None:
        return None
    pairs = zip(torch.split(images, 1), torch.split(exam.truth, 1), strict=True)
    seen = tuple(one.psnr_range for one in each if one.psnr_range is not None)
    lost = tuple(one.psnr_null for one in each if one.psnr_null is not None)
    return Marks(
        tuple(one.psnr for one in each),
        tuple(one.ssim for one in each),
        tuple(one.nmse for one in each),
        tuple(float(rei_legacy_psnr(image, truth)) for image, truth in pairs),
        seen or None,
        lost or None,
    )
