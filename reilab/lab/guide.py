"""Guide: what is on the page in a tour, and help on every part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import panel as pn
import param

from reilab.lab.actions import attempt
from reilab.lab.explain import KEYS
from reilab.lab.model import Lab
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html, small_button
from reilab.lab.web.components import Browser

#: How many times the true noise the losses are made to believe in.
WRONG_BELIEF = 4.0
#: Of a short run: by then what a scene is about shows.
SHORT = 200


@dataclass(frozen=True)
class TourStop:
    """One scene: what it sets, why, what to watch, and where.

    ``point`` is the style class of what to look at. Where a scene ``needs_run``, it is seen when
    that run has come far enough; the others show what was trained before, or needs no training.
    ``belief`` multiplies the true noise level; ``further`` are settings of the task.
    """

    title: str
    story: str
    watch: str
    methods: tuple[str, ...]
    task: str
    point: str
    needs_run: bool = False
    belief: float = 1.0
    further: Mapping[str, Any] = field(default_factory=dict)


STOPS = (
    TourStop(
        "Noise breaks EI",
        "Equivariant Imaging asks that A x̂ fits the measurements. These are noisy, so it "
        "learns to fit the noise as well.",
        "EI's image in the example below: the missing pixels are filled in, but it stays grainy, "
        "and both REI and supervised training, which sees the ground truth, leave it far behind.",
        ("supervised", "ei", "rei"),
        "inpainting",
        "pane-ei",
    ),
    TourStop(
        "SURE repairs the seen part",
        "Robust Equivariant Imaging replaces the fit by SURE, an estimate of the true error that "
        "takes the noise off its count. It sees no more data than EI does.",
        "The curve of what A sees: EI's stays low, REI's comes close to that of supervised "
        "training. Swipe between the two images.",
        ("supervised", "ei", "rei"),
        "ct",
        "chart-psnr-range",
    ),
    TourStop(
        "Equivariance fills the unseen",
        "No fit to the measurements can say what the missing pixels are. But a photograph that is "
        "shifted is a photograph still, and what is missing in one place was measured in another.",
        "The curve of the null space, which is what A does not see: A†y stays at the bottom, EI "
        "and REI rise nearly to where supervised training is, and have not seen one whole image.",
        ("supervised", "ei", "rei"),
        "inpainting",
        "chart-psnr-null",
    ),
    TourStop(
        "A wrong σ",
        "SURE must know how strong the noise is. Here the losses believe in four times the true "
        "noise. Train it: a short run of REI alone.",
        "SURE sinks, even below zero, where its curve ends; the true risk rises, and the image "
        "falls apart. Tick “Assume the true noise” while it trains: both come together again.",
        ("rei",),
        "mri",
        "assumed-noise",
        needs_run=True,
        belief=WRONG_BELIEF,
    ),
    TourStop(
        "A wrong group",
        "Equivariance teaches something only if A itself lacks the symmetry. Shifting an image "
        "only changes the phase of its k-space, so A sees the same after any shift.",
        "What is said beside the images, before anything is trained: shifts teach nothing here. "
        "Set the group to rotations and see how much of the unseen they bring into view.",
        ("supervised", "rei"),
        "mri",
        "news",
        further={"group": "shifts"},
    ),
)


class Tour(param.Parameterized):
    """Where somebody is on the tour, and what they have seen of it."""

    place = param.Integer(default=-1, bounds=(-1, len(STOPS) - 1), doc="-1 is not on tour.")
    seen = param.List(default=[], item_type=str, doc="Titles of the scenes.")

    @property
    def stop(self) -> TourStop | None:
        """The scene that is shown."""
        return STOPS[self.place] if self.place >= 0 else None

    def move(self, by: int) -> None:
        """Go on or back; past either end the tour is over."""
        place = self.place + by
        self.place = place if 0 <= place < len(STOPS) else -1

    def set_up(self, lab: Lab) -> None:
        """Set the controls as the scene has it, and look at no run.

        Raises:
            RuntimeError: a run is going, whose settings would be overwritten.
            ValueError: the task does not have what the scene needs.
        """
        stop = self.stop
        if stop is None:
            return
        if lab.live:
            raise RuntimeError("A run is going: stop it first, then press Show me.")
        lab.close()
        choices = lab.choices
        choices.task, choices.preset = stop.task, "smoke"
        choices.preset = "quick"
        unknown = stop.further.keys() - choices.further.keys()
        if unknown:
            raise ValueError(f"this task has no setting {', '.join(sorted(unknown))}")
        choices.methods = list(stop.methods)
        choices.further = {**choices.further, **stop.further}
        if stop.needs_run:
            choices.steps = SHORT
        if stop.belief != 1:
            choices.same_noise = False
            choices.assumed_noise = stop.belief * choices.noise

    def note(self, lab: Lab) -> None:
        """Tick the scene off once there is to see what it is about."""
        stop, asked = self.stop, lab.asked
        if stop is None or stop.title in self.seen:
            return
        if stop.needs_run:
            fits = asked is not None and (asked.task, asked.methods) == (stop.task, stop.methods)
            shown = fits and max((0, *lab.history.moments)) > 0
        else:
            shown = not lab.run and lab.choices.task == stop.task
        if shown:
            self.seen = [*self.seen, stop.title]


BOX = {
    **TALL,
    "border-left": "4px solid var(--panel-primary-color)",
    "background": "color-mix(in srgb, var(--panel-primary-color) 8%, var(--panel-surface-color))",
    "border-radius": "6px",
    "padding": "14px 16px",
    "gap": "10px",
}
#: The words of the tour stay in sight; on a telephone they leave half of it to what they tell of.
STAYS = """:host { position: sticky; top: 0; z-index: 20; }
@media (max-width: 900px) { :host { max-height: 48vh !important; overflow-y: auto; } }"""
LINE = {"gap": "8px", "flex-wrap": "wrap"}
WIDE: dict[str, Any] = {"margin": (0, 0, 16, 0), "sizing_mode": "stretch_width"}


class Guide(pn.viewable.Viewer):
    """The scene of the tour that is shown, with the way to the next one.

    Args:
        lab: is set up.
        tour: where it is.
        browser: points at things.
        train: presses the button.
    """

    def __init__(self, lab: Lab, tour: Tour, browser: Browser, train: Callable[[], None]) -> None:
        super().__init__()
        self._lab, self._tour, self._browser = lab, tour, browser
        self._words, self._problem = block(), block()
        self._next = small_button("Next", lambda: tour.move(1), "tour-next", "full")
        self._train = small_button("Train it", train, "tour-train")
        buttons = pn.Row(
            self._next,
            small_button("Back", lambda: tour.move(-1), "tour-back"),
            small_button("Show me", self._show_it, "tour-show"),
            self._train,
            small_button("Close", lambda: tour.param.update(place=-1), "tour-close", "text"),
            styles=LINE,
            margin=0,
        )
        self._view = pn.Column(
            *(self._words, self._problem, buttons),
            css_classes=["reilab-guide"],
            styles=BOX,
            stylesheets=[STAYS],
            **WIDE,
        )
        tour.param.watch(self._arrive, "place")
        tour.param.watch(self._tell, "seen")
        self._tell()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def _arrive(self, *_: Any) -> None:
        self._tell()
        self._show_it()

    def _tell(self, *_: Any) -> None:
        stop = self._tour.stop
        self._view.visible = stop is not None
        if stop is None:
            return
        self._next.label = "End" if self._tour.place == len(STOPS) - 1 else "Next"
        self._train.visible = not self._lab.hands.tied
        set_html(
            self._words,
            f'<div class="tour"><ol>{"".join(map(self._line, STOPS))}</ol>'
            f"<h2>{escape(stop.title)}</h2><p>{escape(stop.story)}</p>"
            f"<p><b>Watch:</b> {escape(stop.watch)}</p></div>",
        )

    def _line(self, stop: TourStop) -> str:
        here = ' aria-current="step"' if stop is self._tour.stop else ""
        tick = '✓<span class="hidden"> seen: </span> ' if stop.title in self._tour.seen else ""
        return f"<li{here}>{tick}{escape(stop.title)}</li>"

    def _show_it(self) -> None:
        """Set the scene up, and point at what it is about."""
        problem = attempt(lambda: self._tour.set_up(self._lab))
        set_html(self._problem, problem and f'<p role="alert"><b>{escape(problem)}</b></p>')
        if self._tour.stop and not problem:
            self._browser.point(self._tour.stop.point)


class KeyList(pn.viewable.Viewer):
    """The keys and what they do, shown when asked for."""

    def __init__(self) -> None:
        super().__init__()
        lines = "".join(
            f"<dt><kbd>{escape(key)}</kbd></dt><dd>{escape(told)}</dd>"
            for key, told in KEYS.items()
        )
        words = block(f'<h2>Keys</h2><dl class="keys">{lines}</dl>')
        close = small_button("Close", self.toggle, "keys-close")
        self._view = pn.Column(words, close, visible=False, styles=BOX, **WIDE)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def toggle(self) -> None:
        """Show the list, or put it away."""
        self._view.visible = not self._view.visible

    def close(self) -> None:
        """Put the list away."""
        self._view.visible = False
