"""Lines: what a chart draws, whoever draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Points = tuple[Sequence[float] | NDArray[Any], Sequence[float] | NDArray[Any]]


@dataclass(frozen=True)
class PlotLine:
    """How a line looks; ``dots`` shows where its points are."""

    label: str
    colour: str
    dash: str = "solid"
    dots: bool = False


@dataclass(frozen=True)
class PlotAxes:
    """What a chart draws: the quantity with its unit, its scale, and how long a run is."""

    title: str
    unit: str
    log: bool
    n_steps: int

    @property
    def label(self) -> str:
        """The quantity with its unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class PlotMark:
    """Something that was changed at a step."""

    step: int
    words: str
