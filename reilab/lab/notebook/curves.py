"""Curves: the charts of a run, and what is minimised, side by side where there is room."""

from __future__ import annotations

from typing import Any

from reilab.lab.charts import Charts
from reilab.lab.content import Content
from reilab.lab.notebook.figures import NotebookFigures
from reilab.lab.view import View

#: Bokeh asks the style sheets of a page for all its colours but those of legends.
LEGEND = """
.bk-label { color: var(--jp-ui-font-color1) !important;
  font-family: var(--jp-ui-font-family) !important; }
"""


class NotebookCurves:
    """The charts in a grid, and behind them the objectives.

    Args:
        look: the moment of the cursor, and the scale.
    """

    def __init__(self, look: View) -> None:
        self.charts = Charts(look)
        self._formulas = ""
        self.widget = NotebookFigures("reilab-charts")

    def update(self, content: Content) -> None:
        """Draw the curves as they are now."""
        if self.charts.update(content):
            for figure in self.charts.figures.values():
                figure.legend[0].stylesheets = [LEGEND]
        self._show()

    def explain(self, objectives: str) -> None:
        """Say what is minimised, in HTML."""
        self._formulas = f"<h3>What is minimised</h3>{objectives}"
        self._show()

    def _show(self) -> None:
        charts: dict[str, list[Any]] = {
            f"reilab-chart-{kind}": [figure] for kind, figure in self.charts.figures.items()
        }
        self.widget.show({**charts, "reilab-minimised": [self._formulas]})
