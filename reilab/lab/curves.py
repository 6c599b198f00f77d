"""Curves: PSNR, its parts, loss terms and SURE of what is shown, side by side where room is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import panel as pn

from reilab.lab.chart import Chart, chart_pane
from reilab.lab.lines import PlotMark
from reilab.lab.series import SCORES, Series, axes_of, smooth
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
    """One chart for each kind of curve that there is."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._look = view
        # A column holds a button of its own, which would take a place in the grid.
        self._view = pn.Row(sizing_mode="stretch_width", margin=0, styles=GRID)
        self._charts: dict[str, Chart] = {}
        self._built: tuple[object, ...] = ()
        self._smoothing = 0.0

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(
        self,
        run: str,
        kinds: Mapping[str, Mapping[str, Series]],
        n_steps: int,
        marks: Sequence[PlotMark],
        anew: bool,
    ) -> None:
        """Add what is new to the curves of each kind, or draw them ``anew``."""
        shown = {kind: series for kind, series in kinds.items() if series}
        lines = {kind: {k: s.line for k, s in series.items()} for kind, series in shown.items()}
        key = (run, n_steps, self._look.log_losses, repr(lines))
        if key != self._built:
            self._build(shown, n_steps)
            anew = True
        if self._smoothing != self._look.smoothing:
            self._smoothing, anew = self._look.smoothing, True
        for kind, chart in self._charts.items():
            for name, series in shown[kind].items():
                weight = 0.0 if kind in SCORES else self._smoothing
                points = smooth(series.points, weight)
                (chart.replace if anew else chart.grow)(name, points)
            chart.mark(marks)
            chart.point(self._look.at)
        if key != self._built:
            # Last, because the browser does not know new figures before it has been given them.
            self._view.objects = [chart_pane(chart) for chart in self._charts.values()]
            self._built = key

    def _build(self, shown: Mapping[str, Mapping[str, Series]], n_steps: int) -> None:
        self._charts = {}
        for kind, series in shown.items():
            axes = axes_of(kind, n_steps, self._look.log_losses)
            lines = {key: one.line for key, one in series.items()}
            self._charts[kind] = Chart(axes, lines)
