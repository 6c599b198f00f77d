"""Pictures: the images of a moment and their error maps, as figures of Bokeh."""

from __future__ import annotations

from collections.abc import Sequence

from bokeh.models import LinearColorMapper

from reilab.lab.colours import ERROR_MAP, MAPS
from reilab.lab.images import Pane, Ranges, mapper, whole_ranges
from reilab.lab.markup import description
from reilab.lab.view import ERRORS, View
from reilab.show.panes import MEASUREMENT, to_pixels
from reilab.show.scene import Scene, Shot, Values

LEAST_WINDOW = 0.01


class ImagePair:
    """An image, and for reconstructions its error map; they get pixels only when these change.

    Args:
        shot: what it shows first; later ones have the same key and shape.
        grey: colour map of the image.
        hot: colour map of the error map.
        ranges: shared with the pictures that move and zoom with this one.
        aspect: width over height on screen.
    """

    def __init__(
        self,
        shot: Shot,
        grey: LinearColorMapper,
        hot: LinearColorMapper,
        ranges: Ranges,
        aspect: float,
    ) -> None:
        self._kind = _kind(shot)
        shape = shot.image.shape
        pixels = shape[:2] if shape[2] == 1 else shape
        self.image = Pane(pixels, grey, ranges, shot.title, aspect)
        self.error: Pane | None = None
        if shot.truth is not None:
            self.error = Pane(shape[:2], hot, ranges, f"{shot.title}: absolute error", aspect)
        self._drawn: tuple[object, ...] = ()
        self._drawn_error: tuple[object, ...] = ()

    def fits(self, shot: Shot) -> bool:
        """Whether it can show this."""
        return self._kind == _kind(shot)

    def draw(
        self, run: str, shot: Shot, low: float, high: float, error: Values | None, end: float
    ) -> None:
        """Show an image of a run between black and white, and its errors up to ``end``."""
        moment = (run, shot.sample, shot.step)
        drawn = (*moment, low, high)
        if drawn != self._drawn:
            self.image.show(to_pixels(shot.image, low, high))
            self._drawn = drawn
        if self.error and error is not None and (*moment, end) != self._drawn_error:
            self.error.show(to_pixels(error[..., None], 0, end))
            self._drawn_error = (*moment, end)
        self.image.describe(description(shot))


class Pictures:
    """All pictures of a scene; those of one shape move and zoom together.

    Args:
        view: what is shown of a scene, and how.
    """

    def __init__(self, view: View) -> None:
        self._look = view
        self.colours, self._hot = mapper(MAPS[view.colours]), mapper(ERROR_MAP)
        self.ranges: Ranges = whole_ranges((1, 1))
        self.by_key: dict[str, ImagePair] = {}

    def update(self, scene: Scene) -> None:
        """Show a scene; pictures are made only for what was not there before."""
        self._build(shown_of(scene))
        palette = list(MAPS[self._look.colours])
        if self.colours.palette != palette:
            self.colours.palette = palette
        low, high = self.levels(scene)
        # Errors that are hidden are not computed.
        errors, end = ({}, 0.0) if ERRORS in self._look.hidden else (scene.errors, scene.end)
        for shot in shown_of(scene):
            if shot.key not in self._look.hidden:
                black, white = (0.0, 1.0) if shot.key == MEASUREMENT else (low, high)
                error = errors.get(shot.key)
                self.by_key[shot.key].draw(scene.run, shot, black, white, error, end)

    def levels(self, scene: Scene) -> tuple[float, float]:
        """The values that are black and white."""
        span, (dark, bright) = scene.high - scene.low, self._look.window
        return scene.low + dark * span, scene.low + max(bright, dark + LEAST_WINDOW) * span

    def show_whole(self) -> None:
        """Show the whole of every image again."""
        for shared in self.ranges:
            shared.update(start=shared.reset_start, end=shared.reset_end)

    def _build(self, shown: Sequence[Shot]) -> None:
        shape = shown[0].image.shape
        if tuple(end.reset_end for end in self.ranges) != (shape[1], shape[0]):
            self.by_key = {}
            self.ranges = whole_ranges(shape)
            self._zoom()
            for shared in self.ranges:
                shared.on_change("start", self._keep_zoom)
                shared.on_change("end", self._keep_zoom)
        aspect = shape[1] / shape[0]
        self.by_key = {shot.key: self._pair(shot, aspect) for shot in shown}

    def _pair(self, shot: Shot, aspect: float) -> ImagePair:
        """The pair that shows such images already, or a new one: making one takes long."""
        known = self.by_key.get(shot.key)
        if known is not None and known.fits(shot):
            return known
        own = whole_ranges(shot.image.shape) if shot.key == MEASUREMENT else self.ranges
        return ImagePair(shot, self.colours, self._hot, own, aspect)

    def _zoom(self) -> None:
        """Go to the part of the images that the view asks for."""
        if self._look.zoom:
            left, right, bottom, top = self._look.zoom
            self.ranges[0].update(start=left, end=right)
            self.ranges[1].update(start=bottom, end=top)

    def _keep_zoom(self, attr: str, old: float, new: float) -> None:
        x, y = self.ranges
        whole = (x.start, x.end, y.start, y.end) == (0, x.reset_end, 0, y.reset_end)
        at = tuple(round(float(value), 2) for value in (x.start, x.end, y.start, y.end))
        self._look.zoom = None if whole else at


def shown_of(scene: Scene) -> list[Shot]:
    """The images of a scene, and last the picture of the measurement, if there is one."""
    return [*scene.shots, *([scene.measurement] if scene.measurement else [])]


def _kind(shot: Shot) -> tuple[object, ...]:
    """What cannot be changed in a picture once it is made."""
    return shot.key, shot.title, shot.image.shape, shot.truth is not None
