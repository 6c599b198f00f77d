"""Charts: PSNR, its parts, loss terms and SURE of what is shown, as figures of Bokeh.

They are built once, of as few models as can be, and fed through their sources: what a figure
makes for the states of a line that none of these has was a tenth of all models of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    CustomJSTicker,
    DataRange1d,
    HoverTool,
    Legend,
    LegendItem,
    Line,
    Range1d,
    Scatter,
    VSpan,
)
from bokeh.plotting import figure
from numpy.typing import NDArray

from reilab.lab.content import (
    MOST_NAMED,
    SCORES,
    Content,
    PlotAxes,
    PlotLine,
    PlotMark,
    Points,
    Series,
    axes_of,
    smooth,
)
from reilab.lab.style import MARK, slug
from reilab.lab.view import View
from reilab.show.curves import thinned
from reilab.show.words import NEUTRAL

HEIGHT = 270
#: How many times as large charts are in a presentation.
PRESENTED = 1.5
LEGEND_COLUMNS, MOST_COLUMNS = 3, 4
#: Points of a line, of which the widest screens tell no more apart.
MOST_POINTS = 4000
#: So many new points are added to a line; of more, the whole line is told.
FEW = 100
#: Below two decades Bokeh's own ticks are evenly spaced: they crowd at the upper end and leave the
#: lower one bare.
LOG_TICKS = """
const {start, end} = cb_data
if (!(start > 0 && end > start && Number.isFinite(end))) return []
const decades = Math.log10(end / start)
const every = Math.ceil(decades / 6)
const halves = Array.from({length: 18}, (_, index) => 1 + index / 2)
const within = decades > 1.7 ? [1] : decades > 0.7 ? [1, 2, 5]
  : decades > 0.25 ? [1, 1.5, 2, 3, 4, 6, 8] : halves
const ticks = []
for (let power = Math.floor(Math.log10(start)); 10 ** power <= end; power += 1) {
  if (power % every === 0) {
    for (const factor of within) ticks.push(Number((factor * 10 ** power).toPrecision(2)))
  }
}
return ticks.filter((tick) => tick >= start && tick <= end)
"""


class Uprights:
    """Marks where a run was steered, and a cursor: the same in all its charts."""

    def __init__(self) -> None:
        self.marks = ColumnDataSource({"x": [], "words": []})
        self.cursor = ColumnDataSource({"x": []})

    def mark(self, marks: Sequence[PlotMark]) -> None:
        """Draw upright marks, and say at them what was changed."""
        if [mark.words for mark in marks] != list(self.marks.data["words"]):
            steps = [float(mark.step) for mark in marks]
            self.marks.data = {"x": steps, "words": [mark.words for mark in marks]}

    def point(self, step: int | None) -> None:
        """Put the cursor to a step, or take it away."""
        wanted = [] if step is None else [float(step)]
        if list(self.cursor.data["x"]) != wanted:
            self.cursor.data = {"x": wanted}


class Chart:
    """Lines over steps, upright marks where the run was steered, and a cursor.

    Args:
        axes: what is drawn; on a logarithmic scale values of 0 or less leave a gap.
        lines: how they look, by key.
        uprights: its marks and its cursor.
        scale: how many times as large as usual it is.
    """

    def __init__(
        self,
        axes: PlotAxes,
        lines: Mapping[str, PlotLine],
        uprights: Uprights,
        scale: float = 1.0,
    ) -> None:
        self.axes, self._lines, self._scale = axes, dict(lines), scale
        self.figure = figure(
            y_axis_type="log" if axes.log else "linear",
            x_axis_label="Step",
            y_axis_label=axes.label,
            x_range=Range1d(0, axes.n_steps),
            height=round(scale * HEIGHT),
            sizing_mode="stretch_width",
            output_backend="canvas",
            toolbar_location=None,
            tools="",
        )
        # The theme of the page, which has the last word, gives sizes as shares of this one.
        self.figure.styles = {"font-size": f"{12 * scale:g}px"}
        if axes.log:
            self.figure.yaxis.ticker = CustomJSTicker(major_code=LOG_TICKS)
        self.figure.html_attributes = {"role": "img", "aria-label": f"{axes.label} against steps"}
        self._sources = {key: ColumnDataSource({"x": [], "y": []}) for key in lines}
        drawn = {key: self._draw(key, line) for key, line in lines.items()}
        # The browser fits it to the lines; the server has no use for it.
        self.figure.y_range = DataRange1d(
            renderers=[*drawn.values()], range_padding=0.08, only_visible=True, syncable=False
        )
        dotted = VSpan(x="x", line_color=NEUTRAL, line_dash="dotted", line_width=2)
        marks = self.figure.add_glyph(uprights.marks, dotted)
        self.figure.add_glyph(uprights.cursor, VSpan(x="x", line_color=MARK, line_width=2))
        self._tell([*drawn.values()], [marks])
        named = {line.label: drawn[key] for key, line in lines.items() if line.named}
        if 0 < len(named) <= MOST_NAMED:
            self.figure.add_layout(self._legend(named), "above")
        # What the theme makes of them, and the room that they are given, is the browser's business:
        # it told of that in 300 messages while a page was being opened.
        whole = self.figure
        for part in (whole, whole.toolbar, whole.title, *whole.axis, *whole.grid, *whole.legend):
            part.syncable = False

    def fits(
        self, axes: PlotAxes, lines: Mapping[str, PlotLine], scale: float, awaited: bool
    ) -> bool:
        """Whether it shows such lines, in a run of any length; if more are awaited, these at least.

        Args:
            axes: what is to be drawn.
            lines: how they are to look, by key.
            scale: see above.
            awaited: whether there will be more lines soon.
        """
        same = replace(axes, n_steps=self.axes.n_steps) == self.axes and scale == self._scale
        own = [(key, line) for key, line in self._lines.items() if key in lines or not awaited]
        return same and own == list(lines.items())

    def stretch(self, n_steps: int) -> None:
        """Make room for a run of this many steps."""
        if self.figure.x_range.end != n_steps:
            self.figure.x_range.end = n_steps

    def grow(self, key: str, points: Points) -> None:
        """Show ``points``, of which the first ones are on screen already."""
        source, columns = self._sources[key], self._columns(points)
        shown, total = len(source.data["x"]), len(columns["x"])
        # The first one is another when more neighbours are taken together.
        another = list(source.data["x"][:1]) != list(columns["x"][: min(shown, 1)])
        if another or not 0 <= total - shown <= FEW:
            source.data = columns
        elif shown < total:
            # A few numbers travel faster in the message itself than each beside it.
            source.stream({name: values[shown:].tolist() for name, values in columns.items()})

    def clear(self) -> None:
        """Draw no line any more."""
        for source in self._sources.values():
            source.data = {"x": [], "y": []}

    def _draw(self, key: str, line: PlotLine) -> Any:
        source, width = self._sources[key], 2 * self._scale
        glyph = Line(line_color=line.colour, line_dash=line.dash, line_width=width)
        renderer = self.figure.add_glyph(source, glyph, name=line.label)
        if line.dots:
            # A line of one point would not be seen.
            dot = Scatter(fill_color=line.colour, line_color=line.colour, size=5)
            renderer.js_link("visible", self.figure.add_glyph(source, dot), "visible")
        return renderer

    def _tell(self, lines: list[Any], marks: list[Any]) -> None:
        number = "@y{%.4g}" + (f" {self.axes.unit}" if self.axes.unit else "")
        self.figure.add_tools(
            HoverTool(
                renderers=lines,
                # One line for each curve, as there may be many at one place.
                tooltips=f'<div style="font-size: 12px">$name: {number}, step @x{{0,0}}</div>',
                formatters={"@y": "printf"},
                visible=False,
            ),
            HoverTool(
                renderers=marks,
                tooltips=[("step", "@x{0,0}"), ("changed", "@words")],
                visible=False,
            ),
        )

    def _legend(self, named: Mapping[str, Any]) -> Legend:
        return Legend(
            items=[LegendItem(label=label, renderers=[line]) for label, line in named.items()],
            orientation="horizontal",
            ncols=MOST_COLUMNS if len(named) <= MOST_COLUMNS else LEGEND_COLUMNS,
            label_text_font_size=f"{12 * self._scale:g}px",
            padding=0,
            margin=4,
            border_line_color=None,
            background_fill_alpha=0,
            spacing=8,
            click_policy="hide",
        )

    def _columns(self, points: Points) -> dict[str, NDArray[np.floating]]:
        step, values = (np.asarray(one, float) for one in points)
        x, y = thinned(step, values, MOST_POINTS)
        return {"x": x, "y": np.where(y > 0, y, np.nan) if self.axes.log else y}


class Charts:
    """One chart for each kind of curve that there is; only what is new goes into their sources.

    Args:
        view: the cursor, the scale and the smoothing.
    """

    def __init__(self, view: View) -> None:
        self._look = view
        self._charts: dict[str, Chart] = {}
        self._uprights = Uprights()
        self._drawn: tuple[object, ...] = ()

    @property
    def figures(self) -> dict[str, Any]:
        """The figure of each kind of curve that there is now."""
        return {kind: chart.figure for kind, chart in self._charts.items()}

    def update(self, content: Content) -> bool:
        """Add what is new to the curves, or draw them anew; whether there are other figures now."""
        before, shown = self._charts, {kind: one for kind, one in content.kinds.items() if one}
        # A browser takes long to make one: those of the run before serve for one of the same lines.
        self._charts = {kind: self._chart(kind, one, content) for kind, one in shown.items()}
        drawn = (content.scene.run, self._look.smoothing)
        anew = content.anew or self._drawn != drawn
        self._drawn = drawn
        for kind, chart in self._charts.items():
            if anew:
                chart.clear()
            for name, series in shown[kind].items():
                points = smooth(series.points, 0.0 if kind in SCORES else self._look.smoothing)
                chart.grow(name, points)
        self._uprights.mark(content.marks)
        self._uprights.point(self._look.at)
        return list(before.values()) != list(self._charts.values())

    def _chart(self, kind: str, series: Mapping[str, Series], content: Content) -> Chart:
        """The chart that shows such lines already, or a new one."""
        axes = axes_of(kind, content.n_steps, self._look.log_losses)
        lines = {key: one.line for key, one in series.items()}
        scale = PRESENTED if self._look.present else 1.0
        chart = self._charts.get(kind)
        awaited = bool(content.scene.awaited)
        if chart is None or not chart.fits(axes, lines, scale, awaited):
            chart = Chart(axes, lines, self._uprights, scale)
            chart.figure.css_classes = [slug(f"chart {kind}")]
        chart.stretch(axes.n_steps)
        return chart
