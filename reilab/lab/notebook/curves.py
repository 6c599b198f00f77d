"""Curves: PSNR, its parts, loss terms and SURE of a run, side by side where there is room."""

from __future__ import annotations

import ipywidgets as widgets

from reilab.lab import series
from reilab.lab.notebook.chart import chart_html
from reilab.lab.notebook.elements import box, html, set_html
from reilab.lab.view import View
from reilab.record.history import History


class NotebookCurves:
    """One chart for each kind of curve that there is.

    Args:
        look: the moment of the cursor, and the scale.
        beside: what stands behind the charts.
    """

    def __init__(self, look: View, beside: widgets.Widget) -> None:
        self._look = look
        self._charts = {kind: html() for kind in series.TITLES}
        self.widget = box("reilab-charts", [*self._charts.values(), beside])

    def update(self, history: History) -> None:
        """Draw the curves as they are now."""
        n_steps, marks = series.length(history), series.marks(history)
        for kind, found in series.kinds(history).items():
            axes = series.axes_of(kind, n_steps, self._look.log_losses)
            words = chart_html(axes, found, marks, self._look.at) if found else ""
            set_html(self._charts[kind], words)
