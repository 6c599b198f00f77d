"""Noise: PSNR over noise levels as values, for the charts of pages and of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reilab.show.results import BASELINE
from reilab.show.words import LETTERS, method_colour, method_title
from reilab.tasks.registry import find_task

#: Mean in dB, and its standard deviation over the seeds, where there are several.
Score = tuple[float, float | None]


@dataclass(frozen=True)
class NoiseLine:
    """One method, or A†y, which is ``dashed``; scores by noise level."""

    title: str
    colour: str
    dashed: bool
    scores: Mapping[float, Score]


@dataclass(frozen=True)
class NoiseChart:
    """PSNR over the noise: title, what is below the axis, its scale and marks, and the lines.

    A line has no scores before any of its runs is finished, or without ground truth.
    """

    title: str
    label: str
    log: bool
    levels: tuple[float, ...]
    lines: tuple[NoiseLine, ...]


def noise_chart(
    task: str,
    spec: Mapping[str, Any],
    levels: Sequence[float],
    scores: Mapping[str, Mapping[float, Score]],
) -> NoiseChart:
    """The chart of a task with such settings; ``scores`` are by method, A†y among them."""
    found = find_task(task)
    level = found.level_name(spec)
    unit, letter = found.settings[level].unit, LETTERS.get(level, level)
    return NoiseChart(
        found.title,
        f"{letter} [{unit}]" if unit else letter,
        min(levels) > 0,
        tuple(levels),
        tuple(
            NoiseLine(method_title(name), method_colour(name), name == BASELINE, own)
            for name, own in scores.items()
        ),
    )
