"""Guide: what is on the page in a tour, and help on every part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import panel as pn
import param

from reilab.lab.explain import KEYS
from reilab.lab.model import Lab
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html, small_button

#: How many times the true noise the losses are made to believe in.
WRONG_BELIEF = 4.0


@dataclass(frozen=True)
class TourStop:
    """One scene: what it sets, why, and what to watch.

    ``noise`` is the true level, that of the preset if left out; ``belief`` multiplies it;
    ``further`` are settings of the task.
    """

    title: str
    story: str
    watch: str
    methods: tuple[str, ...]
    task: str = "mri"
    noise: float | None = None
    belief: float = 1.0
    further: Mapping[str, Any] = field(default_factory=dict)


STOPS = (
    TourStop(
        "Noise breaks EI",
        "Equivariant Imaging asks that A x̂ fits the measurements. These are noisy, so it "
        "learns to fit the noise as well.",
        "The stripes of the missing columns go from EI's image, because equivariance teaches what "
        "was not measured, but it stays as grainy as A†y. Supervised training, which sees the "
        "ground truth, leaves it far behind.",
        ("supervised", "ei"),
    ),
    TourStop(
        "REI repairs it",
        "Robust Equivariant Imaging replaces the fit by SURE, which takes the noise off its count, "
        "and makes its virtual measurements noisy too. It sees no more data than EI does.",
        "REI's image is smooth where EI's is grainy, and its PSNR comes close to supervised. Swipe "
        "between the two.",
        ("supervised", "ei", "rei"),
    ),
    TourStop(
        "A wrong σ",
        "SURE must know how strong the noise is. Here the losses believe in four times the true "
        "noise.",
        "The curve of SURE parts from the true risk, and the image gets too smooth. Tick “Assume "
        "the true noise” while it trains: the curves come together again.",
        ("rei",),
        belief=WRONG_BELIEF,
    ),
    TourStop(
        "A wrong group",
        "Equivariance teaches something only if A itself lacks the symmetry. Shifting an image "
        "only changes the phase of its k-space, so A sees the same after any shift.",
        "REI removes noise, but most of the stripes of the missing columns stay, and its PSNR in "
        "the null space hardly rises: what A does not see is not learnt. Set the group back to "
        "rotations and train again.",
        ("supervised", "rei"),
        noise=0.05,
        further={"group": "shifts"},
    ),
)


class Tour(param.Parameterized):
    """Where somebody is on the tour."""

    place = param.Integer(default=-1, bounds=(-1, len(STOPS) - 1), doc="-1 is not on tour.")

    @property
    def stop(self) -> TourStop | None:
        """The scene that is shown."""
        return STOPS[self.place] if self.place >= 0 else None

    def move(self, by: int) -> None:
        """Go on or back; past either end the tour is over."""
        place = self.place + by
        self.place = place if 0 <= place < len(STOPS) else -1

    def set_up(self, lab: Lab) -> None:
        """Set the controls as the scene has it.

        Raises:
            RuntimeError: a run is going, whose settings would be overwritten.
            ValueError: the task does not have what the scene needs.
        """
        stop = self.stop
        if stop is None:
            return
        if lab.live:
            raise RuntimeError("A run is going: stop it first, then set the scene up.")
        choices = lab.choices
        choices.task, choices.preset = stop.task, "smoke"
        choices.preset = "quick"
        unknown = stop.further.keys() - choices.further.keys()
        if unknown:
            raise ValueError(f"this task has no setting {', '.join(sorted(unknown))}")
        choices.methods = list(stop.methods)
        choices.further = {**choices.further, **stop.further}
        if stop.noise is not None:
            choices.noise = stop.noise
        if stop.belief != 1:
            choices.same_noise = False
            choices.assumed_noise = stop.belief * choices.noise


BOX = {
    **TALL,
    "border-left": "4px solid var(--panel-primary-color)",
    "background": "color-mix(in srgb, var(--panel-primary-color) 8%, transparent)",
    "border-radius": "6px",
    "padding": "14px 16px",
    "gap": "10px",
}
LINE = {"gap": "8px", "flex-wrap": "wrap"}
WIDE: dict[str, Any] = {"margin": (0, 0, 16, 0), "sizing_mode": "stretch_width"}


class Guide(pn.viewable.Viewer):
    """The scene of the tour that is shown, with the way to the next one."""

    def __init__(self, lab: Lab, tour: Tour) -> None:
        super().__init__()
        self._lab, self._tour = lab, tour
        self._words, self._problem = block(), block()
        self._next = small_button("Next", lambda: tour.move(1), "tour-next")
        buttons = pn.Row(
            small_button("Set it up", self._set_up, "tour-set", "contained"),
            small_button("Back", lambda: tour.move(-1), "tour-back"),
            self._next,
            small_button("Close", lambda: tour.param.update(place=-1), "tour-close", "text"),
            styles=LINE,
            margin=0,
        )
        self._view = pn.Column(self._words, self._problem, buttons, styles=BOX, **WIDE)
        tour.param.watch(self._show, "place")
        self._show()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def _show(self, *_: Any) -> None:
        stop = self._tour.stop
        self._view.visible = stop is not None
        set_html(self._problem, "")
        if stop is None:
            return
        last = self._tour.place == len(STOPS) - 1
        self._next.label = "End" if last else "Next"
        set_html(
            self._words,
            f'<div class="tour"><h2>Tour, {self._tour.place + 1} of {len(STOPS)}: '
            f"{escape(stop.title)}</h2><p>{escape(stop.story)}</p>"
            f"<p><b>Watch:</b> {escape(stop.watch)}</p></div>",
        )

    def _set_up(self) -> None:
        try:
            self._tour.set_up(self._lab)
        except (RuntimeError, ValueError) as error:
            words = escape(str(error))
        else:
            words = "The controls are set. Press Train."
        set_html(self._problem, f'<p role="status"><b>{words}</b></p>')


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
