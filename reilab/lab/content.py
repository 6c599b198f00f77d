"""Content: what there is to see of results, whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reilab.lab.library import SummaryRow, rows
from reilab.lab.series import PlotMark, Series, kinds, length, marks
from reilab.lab.view import View
from reilab.record.history import History
from reilab.show.scene import Scene, scene_of


@dataclass(frozen=True, eq=False)
class Content:
    """Images, curves and results; ``anew`` if a method went back to a checkpoint."""

    scene: Scene
    n_images: int
    moments: Sequence[int]
    kinds: Mapping[str, Mapping[str, Series]]
    n_steps: int
    marks: Sequence[PlotMark]
    rows: Sequence[SummaryRow]
    anew: bool = False


def content_of(run: str, history: History, look: View, anew: bool = False) -> Content:
    """What there is to see of one run that has been posed, at the moment that is looked at."""
    assert history.posed is not None
    scene = scene_of(run, history, look.sample, look.at)
    assert scene is not None
    return Content(
        scene=scene,
        n_images=len(history.posed.pinv),
        moments=history.moments,
        kinds=kinds(history),
        n_steps=length(history),
        marks=marks(history),
        rows=rows(history),
        anew=anew,
    )
