"""Guide: the tour and the list of keys, above the views."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn

from reilab.lab.buttons import small_button
from reilab.lab.explain import KEYS
from reilab.lab.model import Lab
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html
from reilab.lab.tour import STOPS, Tour

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
