"""View: what a person looks at, and how; its parameters are the address of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import param
from bokeh import palettes
from bokeh.palettes import Cividis256, Greys256, Magma256, Viridis256

from reilab.show.panes import ERROR_COLOURS, MEASUREMENT
from reilab.show.parts import IMAGE, PARTS

MAPS: Mapping[str, tuple[str, ...]] = {
    "grey": Greys256,
    "inverted grey": tuple(reversed(Greys256)),
    "viridis": Viridis256,
    "magma": Magma256,
    "cividis": Cividis256,
}
ERROR_MAP: tuple[str, ...] = getattr(palettes, ERROR_COLOURS)(256)


#: All error maps together, among the names of the panes.
ERRORS = "errors"
TABS = ("run", "runs", "compare", "sweep")
#: How two images are compared in one place, with the name on screen.
SWIPE, BLINK, DIFFERENCE = "swipe", "blink", "difference"
OVERS: Mapping[str, str] = {SWIPE: "Swipe", BLINK: "Blink", DIFFERENCE: "Difference"}


class View(param.Parameterized):
    """What is on screen; it has no widgets, and all of it goes into the address of the page."""

    tab = param.Selector(default="run", objects=list(TABS), doc="Which part of the lab is shown.")
    hidden = param.List(default=[], item_type=str, doc="Panes that are not shown.")
    sample = param.Integer(default=0, bounds=(0, None), doc="Which test image, from 0.")
    at = param.Integer(
        default=None, bounds=(0, None), doc="The step that is shown; none follows the live end."
    )
    playing = param.Boolean(default=False, doc="Whether the moments of the run pass by themselves.")
    part = param.Selector(
        default=IMAGE, objects=list(PARTS), doc="What is shown of each image: itself, or a part."
    )
    profile = param.Selector(
        default="", objects=["", "row", "column"], doc="Along which line values are drawn."
    )
    window = param.Range(
        default=(0.0, 1.0), bounds=(0, 1), doc="Black and white, as shares of the value range."
    )
    colours = param.Selector(default="grey", objects=list(MAPS), doc="Colour map of grey images.")
    zoom = param.NumericTuple(
        default=None, length=4, allow_None=True, doc="Left, right, bottom, top."
    )
    swipe = param.Boolean(default=False, doc="Whether two panes are compared in one place.")
    over = param.Selector(default=SWIPE, objects=list(OVERS), doc="How they are compared.")
    left = param.String(default="", doc="The first of the two, empty for the proposed one.")
    right = param.String(default="", doc="The second one, in the same way.")
    divide = param.Number(
        default=50.0, bounds=(0, 100), doc="Where the swipe divides, in per cent."
    )
    log_losses = param.Boolean(default=True, doc="Whether the losses have a logarithmic scale.")
    compared = param.List(default=[], item_type=str, doc="Names of the runs that are compared.")
    levels = param.String(default="", doc="Noise levels of a sweep, empty for the preset's.")
    seeds = param.String(default="2", doc="How many seeds of each.")
    swept = param.String(default="", doc="The sweep that is shown, empty for the newest.")
    theme = param.Selector(default="", objects=["", "light", "dark"], doc="Empty: as the system.")
    watch = param.String(
        default="", doc="The word of a watching link, if the page was opened by one."
    )
    present = param.Boolean(default=False, doc="Large, on one screen: images, PSNR and formula.")
    smoothing = param.Number(default=0.0, bounds=(0, 0.99), doc="Weight of the past in each point.")

    @property
    def unseen(self) -> set[str]:
        """The panes that are not on screen now: a presentation has one row of images."""
        return {*self.hidden, *((ERRORS, MEASUREMENT) if self.present else ())}

    def toggle(self, pane: str) -> None:
        """Show a pane that is hidden, or hide it."""
        others = [name for name in self.hidden if name != pane]
        self.hidden = others if pane in self.hidden else [*others, pane]

    def compare(self, how: str) -> None:
        """Compare two panes in this way, or no longer."""
        self.param.update(swipe=not (self.swipe and self.over == how), over=how)

    def scrub(self, moments: Sequence[int], by: int) -> None:
        """Go so many moments on, or back; past the last one is the live end again."""
        if not moments:
            return
        self.go_to(moments, self.place(moments) + by)

    def place(self, moments: Sequence[int]) -> int:
        """Which of the moments is shown."""
        if self.at is None or not moments:
            return max(len(moments) - 1, 0)
        passed = [index for index, step in enumerate(moments) if step <= self.at]
        return passed[-1] if passed else 0

    def go_to(self, moments: Sequence[int], place: int) -> None:
        """Show one of the moments; the last one is the live end."""
        last = len(moments) - 1
        self.at = None if place >= last else moments[max(place, 0)]

    def play(self, moments: Sequence[int]) -> None:
        """Play or pause; from the live end it starts anew."""
        if not self.playing and self.at is None and len(moments) > 1:
            self.at = moments[0]
        self.playing = not self.playing and len(moments) > 1

    def advance(self, moments: Sequence[int]) -> None:
        """The next moment of a run that is being played; it halts at the end."""
        if not self.playing:
            return
        self.scrub(moments, 1)
        self.playing = self.at is not None
