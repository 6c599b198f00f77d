"""ImageBoard: ground truth, A†y and every method side by side, each above its error map."""

from __future__ import annotations

from html import escape

import panel as pn
from bokeh.models import Range1d
from bokeh.palettes import Inferno256

from reilab.lab.images import Pane, Values, error_map, scale_end, to_pixels
from reilab.lab.style import ERROR_COLOURS, TALL, TEXT_CSS, colour_of
from reilab.lab.summary import BASELINE, in_order, method_title
from reilab.runs.history import History

TRUTH = "truth"
PINV = "pinv"
#: No pane gets narrower than this; they wrap to another line instead.
LEAST_WIDTH = 150
GAP = 14


class Card(pn.viewable.Viewer):
    """A title with its PSNR, an image, and beneath it an error map or the scale of the maps."""

    def __init__(
        self, key: str, title: str, shape: tuple[int, ...], ranges: tuple[Range1d, Range1d]
    ) -> None:
        super().__init__()
        self.key, self.label = key, title
        self.title, self.scale = _text(), _text()
        self.image = Pane(shape, "gray", ranges, f"{title}: image")
        self.error = Pane(shape[:2], ERROR_COLOURS, ranges, f"{title}: absolute error")
        under = self.scale if key == TRUTH else _figure(self.error)
        self._view = pn.Column(
            self.title,
            _figure(self.image),
            under,
            margin=0,
            sizing_mode="stretch_width",
            styles={**TALL, "gap": "6px"},
        )
        self.shown: tuple[int, int] | None = None

    def retitle(self, psnr: float | None) -> None:
        """Show the name, and the PSNR if there is one."""
        number = "" if psnr is None else f'<b class="reilab-psnr-{self.key}">{psnr:.1f}</b> dB'
        _set(
            self.title,
            f'<div class="title"><span class="chip" style="background:{colour_of(self.key)}">'
            f'</span><span class="name">{escape(self.label)}</span>'
            f'<span class="psnr">{number}</span></div>',
        )

    def show_scale(self, end: float) -> None:
        """Draw the scale that all error maps share."""
        stops = ", ".join(Inferno256[::51])
        _set(
            self.scale,
            '<div class="scale">Absolute error, of the image range'
            f'<div class="bar" style="background:linear-gradient(to right, {stops})"></div>'
            f'<div class="ends"><span>0</span><span>{end / 2:g}</span>'
            f"<span>≥ {end:g}</span></div></div>",
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view


class ImageBoard(pn.viewable.Viewer):
    """The images of the shown run; ``update`` sends only what has changed."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = pn.Column(sizing_mode="stretch_width", margin=0)
        self._cards: dict[str, Card] = {}
        self._built: tuple[object, ...] = ()
        self._end = 0.0
        self._ranges = (Range1d(0, 1), Range1d(0, 1))

    def __panel__(self) -> pn.viewable.Viewable:
        return self._grid

    def reset_view(self) -> None:
        """Show the whole image again, in every pane."""
        for shared in self._ranges:
            shared.update(start=shared.reset_start, end=shared.reset_end)

    def update(self, run: str, history: History, sample: int) -> None:
        """Show the newest images of test image number ``sample``."""
        posed = history.posed
        if posed is None:
            return
        key = (run, tuple(in_order(history)), posed.pinv.shape, posed.truth is None)
        if key != self._built:
            self._build(history)
            self._built = key
        images = _newest(history, sample)
        span = posed.value_range[1] - posed.value_range[0]
        errors: dict[str, Values] = {}
        if posed.truth is not None:
            truth = posed.truth[sample]
            errors = {name: error_map(image, truth) / span for name, (_, image) in images.items()}
        # What A†y misses would drown the differences between the methods.
        judged = [error for name, error in errors.items() if name not in (TRUTH, PINV)]
        end = scale_end(judged or list(errors.values())) if errors else 1.0
        for name, (step, image) in images.items():
            card = self._cards[name]
            if card.shown != (sample, step):
                card.image.show(to_pixels(image, *posed.value_range))
            if name in errors and (card.shown != (sample, step) or end != self._end):
                card.error.show(to_pixels(errors[name][..., None], 0, end))
            card.shown = (sample, step)
            card.retitle(_psnr(history, name))
        self._end = end
        if TRUTH in self._cards:
            self._cards[TRUTH].show_scale(end)

    def _build(self, history: History) -> None:
        assert history.posed is not None
        shape = history.posed.pinv.shape[1:]
        height, width = shape[:2]
        self._ranges = _whole(width), _whole(height)
        titles = {PINV: BASELINE} | {name: method_title(name) for name in in_order(history)}
        if history.posed.truth is not None:
            titles = {TRUTH: "Ground truth"} | titles
        pixels = shape[:2] if shape[2] == 1 else shape
        self._cards = {key: Card(key, title, pixels, self._ranges) for key, title in titles.items()}
        share = f"calc((100% - {GAP * (len(titles) - 1)}px) / {len(titles)})"
        least = f"max({LEAST_WIDTH}px, {share})"
        self._grid.styles = {
            **TALL,
            "display": "grid",
            "grid-auto-rows": "max-content",
            "gap": f"{GAP + 4}px {GAP}px",
            "grid-template-columns": f"repeat(auto-fill, minmax({least}, 1fr))",
            "max-width": f"{340 * len(titles)}px",
        }
        self._grid.objects = list(self._cards.values())


def _newest(history: History, sample: int) -> dict[str, tuple[int, Values]]:
    """The newest image of every pane and the step it is from."""
    assert history.posed is not None
    found: dict[str, tuple[int, Values]] = {}
    if history.posed.truth is not None:
        found[TRUTH] = (0, history.posed.truth[sample])
    found[PINV] = (0, history.posed.pinv[sample])
    for name in in_order(history):
        evaluated = history.tracks[name].evaluated
        if evaluated:
            found[name] = (evaluated[-1].step, evaluated[-1].images[sample])
    return found


def _psnr(history: History, name: str) -> float | None:
    assert history.posed is not None
    found = history.posed.pinv_metrics if name == PINV else None
    if name in history.tracks:
        found = history.tracks[name].metrics
    return found.psnr if found else None


def _whole(length: int) -> Range1d:
    # Some room around the image, but no way to lose it.
    bounds = (-0.5 * length, 1.5 * length)
    return Range1d(0, length, reset_start=0, reset_end=length, bounds=bounds)


def _figure(pane: Pane) -> pn.pane.Bokeh:
    return pn.pane.Bokeh(
        pane.figure, sizing_mode="scale_width", margin=0, styles=pane.figure.styles
    )


def _text() -> pn.pane.HTML:
    return pn.pane.HTML("", stylesheets=[TEXT_CSS], sizing_mode="stretch_width", margin=0)


def _set(pane: pn.pane.HTML, html: str) -> None:
    if pane.object != html:
        pane.object = html
