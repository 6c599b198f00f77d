"""Content: what there is to see of results, whoever shows it: rows, and series over steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reilab.events import Failed, Started, Steered
from reilab.lab.markup import key_html
from reilab.lab.view import View
from reilab.record.history import History, Values
from reilab.show.curves import Scores, marks_of, scores_of
from reilab.show.panes import PINV
from reilab.show.results import BASELINE, results
from reilab.show.scene import Scene, n_images, scene_of
from reilab.show.table import Result
from reilab.show.words import NEUTRAL, change_words, in_order, method_colour, method_title

Points = tuple[Sequence[float] | NDArray[Any], Sequence[float] | NDArray[Any]]


@dataclass(frozen=True)
class PlotLine:
    """How a line looks; ``dots`` shows where its points are, ``named`` lines are in the legend."""

    label: str
    colour: str
    dash: str = "solid"
    dots: bool = False
    named: bool = True


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


@dataclass(frozen=True)
class SummaryRow:
    """One line of the table of results: what a method has come to, and its name on screen."""

    key: str
    name: str
    result: Result
    colour: str = ""


def rows(history: History) -> list[SummaryRow]:
    """The table: the baseline first, then each method."""
    return [
        SummaryRow(
            PINV if found.method == BASELINE else found.method, method_title(found.method), found
        )
        for found in results(history)
    ]


#: The most names in the legend of a chart: more would leave its lines no room.
MOST_NAMED = 9
DASHES = ("dashed", "dotted", "dotdash", "dashdot")
TOTAL = "total"
PSNR, NULL, RANGE, LOSSES, RISK = "psnr", "psnr_null", "psnr_range", "losses", "risk"
#: The kinds that are metrics, by the name that they have in ``Metrics``: their points are few.
SCORES = (PSNR, NULL, RANGE)
#: Quantity and unit of each kind of curve.
TITLES: Mapping[str, tuple[str, str]] = {
    PSNR: ("PSNR on the test images", "dB"),
    NULL: ("PSNR, null space of A", "dB"),
    RANGE: ("PSNR, what A sees", "dB"),
    LOSSES: ("Loss terms, mean square", ""),
    RISK: ("SURE and the risk it estimates", ""),
}


@dataclass(frozen=True)
class Series:
    """A line and its points."""

    line: PlotLine
    points: Points


def kinds(history: History) -> dict[str, dict[str, Series]]:
    """All curves of a run, by kind."""
    scores = _scores(history)
    return {
        **{name: _score_series(history, name, scores) for name in SCORES},
        LOSSES: loss_series(history),
        RISK: risk_series(history),
    }


def axes_of(kind: str, n_steps: int, log_losses: bool) -> PlotAxes:
    """The axes of a kind of curve."""
    return PlotAxes(*TITLES[kind], kind not in SCORES and log_losses, n_steps)


def length(history: History) -> int:
    """How many steps a run has; one before it is known."""
    return max((track.started.n_steps for track in history.tracks.values()), default=1)


def score_series(history: History, score: str) -> dict[str, Series]:
    """Means over the test images of A†y and every method; nothing where it is not known."""
    return _score_series(history, score, _scores(history))


def _scores(history: History) -> dict[str, Scores]:
    return {name: scores_of(track) for name, track in history.tracks.items()}


def _score_series(history: History, score: str, scores: Mapping[str, Scores]) -> dict[str, Series]:
    found: dict[str, Series] = {}
    if history.posed and history.posed.truth is None:
        return found
    start = history.posed.pinv_metrics if history.posed else None
    level: float | None = getattr(start, score) if start else None
    if level is not None:
        last = length(history)
        found["pinv"] = Series(PlotLine(BASELINE, NEUTRAL, "dashed"), ([0, last], [level, level]))
    for name in in_order(history):
        values: Values = getattr(scores[name], score)
        # Every run has a PSNR, and shows its lines before the first; the parts may be unknown.
        if score == PSNR or np.isfinite(values).any():
            line = PlotLine(method_title(name), method_colour(name), dots=True)
            found[name] = Series(line, (scores[name].step, values))
    return found


def loss_series(history: History) -> dict[str, Series]:
    """Every loss term as it is, and of those with several terms their weighted sum."""
    found: dict[str, Series] = {}
    for name in in_order(history):
        title, colour = method_title(name), method_colour(name)
        losses = history.tracks[name].losses
        terms = list(history.tracks[name].started.weights)
        if len(terms) > 1:
            line = PlotLine(f"{title} {TOTAL}", colour)
            found[f"{name} {TOTAL}"] = Series(line, (losses.step, losses.total))
        for index, term in enumerate(terms):
            label = f"{title} {term}" if len(terms) > 1 else title
            line = PlotLine(label, colour, DASHES[index] if len(terms) > 1 else "solid")
            found[f"{name} {term}"] = Series(
                line, (losses.step, losses.terms.get(term, losses.total))
            )
    return found


def risk_series(history: History) -> dict[str, Series]:
    """SURE and the risk that it estimates, of the methods that have both."""
    found: dict[str, Series] = {}
    for name in in_order(history):
        track, title = history.tracks[name], method_title(name)
        losses = track.losses
        if "sure" not in track.started.weights or np.isnan(losses.risk).all():
            continue
        line = PlotLine(f"{title}: SURE", method_colour(name))
        found[f"{name} sure"] = Series(line, (losses.step, losses.terms.get("sure", losses.total)))
        line = PlotLine(f"{title}: true risk", NEUTRAL, "dashed")
        found[f"{name} risk"] = Series(line, (losses.step, losses.risk))
    return found


def marks(history: History) -> list[PlotMark]:
    """What happened at which step; what several methods were told counts once."""
    found: dict[int, list[str]] = {}
    for track in history.tracks.values():
        for mark in marks_of(track):
            words = found.setdefault(mark.step, [])
            if (told := _words(mark.event)) not in words:
                words.append(told)
    return [PlotMark(step, ", ".join(words)) for step, words in sorted(found.items())]


def of_several(runs: Mapping[str, Mapping[str, Series]]) -> dict[str, Series]:
    """The series of several runs, by title, in one chart: each run has a dash of its own.

    None is in a legend, which would fill the chart: colours and dashes have a key of their own.
    """
    return {
        f"{title}/{key}": replace(
            series,
            line=replace(
                series.line,
                label=f"{title}: {series.line.label}",
                dash=dash_of(index),
                named=False,
            ),
        )
        for index, (title, own) in enumerate(runs.items())
        for key, series in own.items()
    }


def key_of(history: History, shown: Mapping[str, Mapping[str, Series]]) -> str:
    """The key of the curves of one run, in HTML, if any chart has too many for its legend."""
    if all(len(series) <= MOST_NAMED for series in shown.values()):
        return ""
    words: dict[str, dict[str, None]] = {}
    for track in history.tracks.values():
        terms = list(track.started.weights)
        for dash, term in zip(("solid", *DASHES), (TOTAL, *terms), strict=False):
            if len(terms) > 1:
                words.setdefault(dash, {})[term] = None
    told = [(", ".join(terms), dash) for dash, terms in words.items()]
    return key_html(told, [PINV, *in_order(history)])


def dash_of(index: int) -> str:
    """The dash of one of several runs."""
    return ("solid", *DASHES)[index % (1 + len(DASHES))]


def smooth(points: Points, weight: float) -> Points:
    """Exponential mean of the values; every point depends on those before it alone."""
    if not weight:
        return points
    # It takes a second to load, and few smooth anything.
    from scipy.signal import lfilter

    values = np.asarray(points[1], np.float64)
    mass = 1 - weight ** np.arange(1, len(values) + 1)
    return points[0], lfilter([1 - weight], [1, -weight], values) / mass


def _words(event: Steered | Started | Failed) -> str:
    match event:
        case Steered(command=command):
            return change_words(command)
        case Started():
            return "resumed"
        case Failed():
            return "failed"


@dataclass(frozen=True, eq=False)
class Content:
    """Images, curves and results.

    Args:
        anew: a method went back to a checkpoint.
        heads: of several runs, what stands above their rows.
        key: of the curves, where their charts have no legend.
        splits: parts of the images can be shown.
    """

    scene: Scene
    n_images: int
    moments: Sequence[int]
    kinds: Mapping[str, Mapping[str, Series]]
    n_steps: int
    marks: Sequence[PlotMark]
    rows: Sequence[SummaryRow]
    anew: bool = False
    heads: Sequence[str] = ()
    key: str = ""
    splits: bool = False


def content_of(run: str, history: History, look: View, anew: bool = False) -> Content:
    """What there is to see of one run that has been posed, at the moment that is looked at."""
    assert history.posed is not None
    scene, shown = scene_of(run, history, look.sample, look.at), kinds(history)
    assert scene is not None
    return Content(
        scene=scene,
        n_images=n_images(history),
        moments=history.moments,
        kinds=shown,
        n_steps=length(history),
        marks=marks(history),
        rows=rows(history),
        anew=anew,
        key=key_of(history, shown),
    )
