"""Curves: the charts of what is shown, side by side on the page where there is room."""

from __future__ import annotations

import panel as pn

from reilab.lab.charts import Charts
from reilab.lab.content import Content
from reilab.lab.style import TALL
from reilab.lab.view import View

GRID = {
    **TALL,
    "display": "grid",
    "grid-auto-rows": "max-content",
    "gap": "14px",
    "grid-template-columns": "repeat(auto-fit, minmax(min(100%, 360px), 1fr))",
}


class CurvePlots(pn.viewable.Viewer):
    """The charts in a grid."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._charts = Charts(view)
        # A column holds a button of its own, which would take a place in the grid.
        self._view = pn.Row(sizing_mode="stretch_width", margin=0, styles=GRID)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, content: Content) -> None:
        """Bring the charts up to date."""
        if self._charts.update(content):
            # Last, because the browser does not know new figures before it has been given them.
            self._view.objects = [
                pn.pane.Bokeh(figure, sizing_mode="stretch_width", margin=0)
                for figure in self._charts.figures.values()
            ]
