"""Charts: PSNR, its parts, loss terms and SURE of what is shown, as figures of Bokeh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reilab.lab.chart import Chart
from reilab.lab.content import Content
from reilab.lab.series import SCORES, Series, axes_of, smooth
from reilab.lab.view import View


class Charts:
    """One chart for each kind of curve that there is; only what is new goes into their sources.

    Args:
        view: the cursor, the scale and the smoothing.
    """

    def __init__(self, view: View) -> None:
        self._look = view
        self._charts: dict[str, Chart] = {}
        self._built: tuple[object, ...] = ()
        self._smoothing = 0.0

    @property
    def figures(self) -> dict[str, Any]:
        """The figure of each kind of curve that there is now."""
        return {kind: chart.figure for kind, chart in self._charts.items()}

    def update(self, content: Content) -> bool:
        """Add what is new to the curves, or draw them anew; whether there are other figures now."""
        shown = {kind: series for kind, series in content.kinds.items() if series}
        lines = {kind: {k: s.line for k, s in series.items()} for kind, series in shown.items()}
        key = (content.scene.run, content.n_steps, self._look.log_losses, repr(lines))
        built = key != self._built
        if built:
            self._build(shown, content.n_steps)
            self._built = key
        anew = content.anew or built or self._smoothing != self._look.smoothing
        self._smoothing = self._look.smoothing
        for kind, chart in self._charts.items():
            for name, series in shown[kind].items():
                points = smooth(series.points, 0.0 if kind in SCORES else self._smoothing)
                (chart.replace if anew else chart.grow)(name, points)
            chart.mark(content.marks)
            chart.point(self._look.at)
        return built

    def _build(self, shown: Mapping[str, Mapping[str, Series]], n_steps: int) -> None:
        self._charts = {}
        for kind, series in shown.items():
            axes = axes_of(kind, n_steps, self._look.log_losses)
            self._charts[kind] = Chart(axes, {key: one.line for key, one in series.items()})
