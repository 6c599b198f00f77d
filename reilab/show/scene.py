"""Scene: what there is to see of a test image at one moment: panes, captions, errors, one scale."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reilab.events import Evaluated, Images, Metrics
from reilab.record.history import History, Track
from reilab.record.pictures import LostError
from reilab.show.panes import MEASUREMENT, PINV, TRUTH, Pixels, to_pixels
from reilab.show.results import BASELINE
from reilab.show.words import in_order, method_colour, method_title

Values = NDArray[np.floating]

#: The scale of error maps ends at one of these, so that it seldom changes, and two runs share it.
SCALE_ENDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
#: It shows so many of the errors of each image.
SHOWN_SHARE = 0.99
#: What an error map shows.
ERROR_TITLE = "|x̂ − x|"


@dataclass(frozen=True, eq=False)
class Shot:
    """An image of a run at one moment, and how good it is; ``image`` is (H, W, C).

    ``part`` says which part of it is shown (``show.parts``), empty for the image itself.
    """

    key: str
    title: str
    colour: str
    sample: int
    step: int
    image: Values
    truth: Values | None = None
    metrics: Metrics | None = None
    part: str = ""

    @property
    def judged(self) -> bool:
        """Whether a method has made it, so that its errors are what people compare."""
        return self.key.rpartition("/")[2] not in (TRUTH, PINV, MEASUREMENT)

    @property
    def caption(self) -> str:
        """How good it is, as far as that is known."""
        if self.metrics is None:
            return ""
        return f"{self.metrics.psnr:.2f} dB · SSIM {self.metrics.ssim:.3f}"


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is shown of a test image at one moment.

    Args:
        run: the name of the run, or of several.
        sample: which test image it is.
        shots: ground truth where it is known, A†y, and the methods.
        measurement: the picture of what was measured, with values from 0 to 1.
        low: the value that is black where nobody has moved it, and
        high: the one that is white.
        rows: of several runs, their scenes, one below the other.
        scale: where the scale of all error maps ends, if others share it.
        span: the length of the value range, of which errors are shares; from black to white if
            left out.
        note: what is to be said of all images.
        awaited: the methods of which there is no image yet.
    """

    run: str
    sample: int
    shots: Sequence[Shot]
    measurement: Shot | None
    low: float
    high: float
    rows: Sequence[Scene] = ()
    scale: float | None = None
    span: float | None = None
    note: str = ""
    awaited: Sequence[str] = ()

    @property
    def panes(self) -> list[Shot]:
        """All images, what was measured after what is to be found."""
        first = [shot for shot in self.shots if shot.key == TRUTH]
        rest = [shot for shot in self.shots if shot.key != TRUTH]
        return [*first, *([self.measurement] if self.measurement else []), *rest]

    def pixels(self, shot: Shot) -> Pixels:
        """An image of this scene as bytes."""
        window = (0.0, 1.0) if shot.key == MEASUREMENT else (self.low, self.high)
        return to_pixels(shot.image, *window)

    @cached_property
    def errors(self) -> Mapping[str, Values]:
        """Error maps (H, W) by key, as shares of the value range, where there is ground truth."""
        span = self.span or self.high - self.low
        return {
            shot.key: error_map(shot.image, shot.truth) / span
            for shot in self.shots
            if shot.truth is not None
        }

    @cached_property
    def end(self) -> float:
        """Where the scale of all error maps ends; 0 if there are none."""
        if self.scale is not None:
            return self.scale
        # What A†y misses would drown the differences between the methods.
        methods = [shot.key for shot in self.shots if shot.judged and shot.key in self.errors]
        shown = methods or list(self.errors)
        return scale_end([self.errors[key] for key in shown]) if shown else 0.0


def scene_of(run: str, history: History, sample: int, at: int | None = None) -> Scene | None:
    """What a run has to show of a test image; nothing before its problem is posed.

    Args:
        run: its name.
        history: what it has told.
        sample: which of the previewed test images; the last one if there are fewer.
        at: the step; the newest images of each method if left out.
    """
    if history.posed is None:
        return None
    sample = min(sample, max(n_images(history) - 1, 0))
    low, high = history.posed.value_range
    found = shots(history, sample, at)
    there = {shot.key for shot in found}
    awaited = [name for name in history.posed.methods if name not in there]
    return Scene(run, sample, found, measurement(history, sample), low, high, awaited=awaited)


def moments(histories: Iterable[History]) -> list[int]:
    """The steps from which there are images, of any of these runs, in order."""
    return sorted({step for history in histories for step in history.moments})


def shots(history: History, sample: int, at: int | None) -> list[Shot]:
    """Ground truth, A†y and every method, of one test image at one moment, where they are there."""
    posed = history.posed
    if posed is None:
        return []
    truth = _read(posed.truth, sample)
    found: list[Shot] = []

    def add(key: str, title: str, step: int, image: Values | None, metrics: Metrics | None) -> None:
        if image is not None and image.shape == (found[0].image if found else image).shape:
            colour, judge = method_colour(key), None if key == TRUTH else truth
            found.append(Shot(key, title, colour, sample, step, image, judge, metrics))

    add(TRUTH, "Ground truth", 0, truth, None)
    add(PINV, BASELINE, 0, _read(posed.pinv, sample), _of(posed.pinv_per_image, sample))
    for name in in_order(history):
        event = _at(history.tracks[name], at)
        if event is not None:
            image, metrics = _read(event.images, sample), _of(event.per_image, sample)
            add(name, method_title(name), event.step, image, metrics)
    return found


def n_images(history: History) -> int:
    """How many test images a run shows; 0 where none can be read."""
    posed = history.posed
    for images in (posed.pinv, posed.truth, posed.measurement) if posed else ():
        with contextlib.suppress(LostError):
            if images is not None:
                return len(images)
    return 0


def lost_words(history: History, at: int | None) -> list[str]:
    """Which images of a moment cannot be read, and why."""
    posed, told = history.posed, list[str]()
    events = (_at(track, at) for track in history.tracks.values())
    shown = [*(posed.pinv, posed.truth, posed.measurement)] if posed else []
    for images in [*shown, *(event.images for event in events if event)]:
        try:
            _ = images and images.shape
        except LostError as error:
            told.append(str(error))
    return told


def measurement(history: History, sample: int) -> Shot | None:
    """The picture of the measurement of one test image, if the run has kept one."""
    posed = history.posed
    image = _read(posed.measurement, sample) if posed else None
    if posed is None or image is None:
        return None
    title = posed.measurement_title
    return Shot(MEASUREMENT, title, method_colour(MEASUREMENT), sample, 0, image)


def error_map(image: Values, truth: Values) -> Values:
    """Absolute error (H, W), averaged over the channels."""
    error: Values = np.abs(np.asarray(image, np.float32) - np.asarray(truth, np.float32))
    return error[..., 0] if error.shape[-1] == 1 else error.mean(-1)


def scale_end(errors: Sequence[Values]) -> float:
    """Where a scale ends that shows nearly all of these errors."""
    # Every fourth row and column tell as much, in a fraction of the time.
    parts = np.stack([error[::4, ::4].ravel() for error in errors])
    rank = round(SHOWN_SHARE * (parts.shape[1] - 1))
    most = np.partition(parts, rank)[:, rank].max()
    return next((end for end in SCALE_ENDS if most <= end), SCALE_ENDS[-1])


def _read(images: Images | None, sample: int) -> Values | None:
    try:
        return None if images is None else np.asarray(images[sample], np.float32)
    except LostError:
        return None


def _at(track: Track, at: int | None) -> Evaluated | None:
    if at is None:
        return track.evaluated[-1] if track.evaluated else None
    return track.at(at)


def _of(metrics: tuple[Metrics, ...] | None, sample: int) -> Metrics | None:
    return metrics[sample] if metrics and sample < len(metrics) else None
