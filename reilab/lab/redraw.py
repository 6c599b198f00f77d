"""Redraw: drawing that waits until the session's document may be changed."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn


class Redraw:
    """Draws soon after it is asked to; asked again before it has drawn, it draws only once.

    What the browser sends may be handled without the lock of the session's document, and then no
    Bokeh model must be touched: drawing is put off until the lock is held.
    """

    def __init__(self, draw: Callable[[], None]) -> None:
        self._draw = draw
        self._asked = False

    def ask(self, *_: object) -> None:
        """Draw as soon as the document is locked; at once where there is no session."""
        if not self._asked:
            self._asked = True
            pn.state.execute(self._carry_out, schedule=True)

    def _carry_out(self) -> None:
        self._asked = False
        self._draw()
