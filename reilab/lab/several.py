"""Several: what there is to see of several runs of one task; pure functions of their histories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from string import ascii_uppercase

from reilab.lab.content import Content
from reilab.lab.series import LOSSES, SCORES, Series, loss_series, of_several, score_series
from reilab.lab.summary import SummaryRow, rows
from reilab.lab.view import View
from reilab.record.history import History
from reilab.show.panes import PINV
from reilab.show.scene import Scene, Shot, measurement, moments, shots


def letters(names: Sequence[str]) -> dict[str, str]:
    """A letter for each run, by its name."""
    return dict(zip(names, ascii_uppercase, strict=False))


def content_of_several(runs: Mapping[str, History], look: View, methods: set[str]) -> Content:
    """The images, curves and results of some methods of runs that have all been posed.

    Args:
        runs: by name; ground truth and A†y are those of the first.
        look: moment and test image.
        methods: those to show.
    """
    given = letters(list(runs))
    histories = {letter: runs[name] for name, letter in given.items()}
    first = next(iter(histories.values()))
    assert first.posed is not None
    n_images = min(len(history.posed.pinv) for history in histories.values() if history.posed)
    sample = min(look.sample, n_images - 1)
    low, high = first.posed.value_range
    shown = [shot for shot in shots(first, sample, look.at) if not shot.judged]
    for letter, history in histories.items():
        shown += [
            _lettered(letter, shot)
            for shot in shots(history, sample, look.at)
            if shot.key in methods and _fits(shot, shown[0])
        ]
    return Content(
        scene=Scene("+".join(given), shown, measurement(first, sample), low, high),
        n_images=n_images,
        moments=moments(histories.values()),
        kinds={
            **{
                name: of_several(_chosen(histories, methods, partial(score_series, score=name)))
                for name in SCORES
            },
            LOSSES: of_several(_chosen(histories, methods, loss_series)),
        },
        n_steps=max(
            (track.started.n_steps for h in histories.values() for track in h.tracks.values()),
            default=1,
        ),
        marks=[],
        rows=[
            row
            for letter, history in histories.items()
            for row in _rows(letter, history, methods, base=history is first)
        ],
    )


def methods_of(histories: Mapping[str, History]) -> list[str]:
    """The methods of any of these runs, each once."""
    return list(dict.fromkeys(name for history in histories.values() for name in history.tracks))


def _fits(shot: Shot, other: Shot) -> bool:
    # Runs of one task may differ in image size; only images of one size move together.
    return shot.image.shape == other.image.shape


def _lettered(letter: str, shot: Shot) -> Shot:
    return replace(shot, key=f"{letter}/{shot.key}", title=f"{letter}: {shot.title}")


def _chosen(
    histories: Mapping[str, History],
    methods: set[str],
    series: Callable[[History], dict[str, Series]],
) -> dict[str, dict[str, Series]]:
    return {
        letter: {key: one for key, one in series(history).items() if key.split()[0] in methods}
        for letter, history in histories.items()
    }


def _rows(letter: str, history: History, methods: set[str], base: bool) -> list[SummaryRow]:
    return [
        row
        if row.key == PINV
        else replace(row, key=f"{letter}/{row.key}", name=f"{letter}: {row.name}")
        for row in rows(history)
        if row.key in methods or (base and row.key == PINV)
    ]
