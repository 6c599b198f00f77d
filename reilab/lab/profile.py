"""Profile: the values of all images along the row, or column, of the pixel that is pointed at."""

from __future__ import annotations

from collections.abc import Sequence

import panel as pn
from bokeh.models import ColumnDataSource, CustomJS
from bokeh.plotting import figure

from reilab.lab.pictures import Pictures
from reilab.lab.view import View
from reilab.show.panes import PINV, TRUTH
from reilab.show.scene import Scene, Shot

#: Reads the pixels where they are; without one that is pointed at, those in the middle.
READ = """
if (!sources.length) return
const {dw: [width], dh: [height]} = sources[0].data
const [column, row] = probe.data.at[0] ?? [Math.floor(width / 2), Math.floor(height / 2)]
const length = across ? width : height
const place = (at) => across ? row * width + at : (height - 1 - at) * width + column
const x = Array.from({length}, (_, index) => index)
lines.forEach((line, index) => {
  const {image: [image], zero: [zero], unit: [unit]} = sources[index].data
  const value = image.BYTES_PER_ELEMENT < 4 ? (code) => code
    : (code) => ((code & 255) + ((code >> 8) & 255) + ((code >> 16) & 255)) / 3
  line.data = {x, y: x.map((at) => zero + unit * value(image[place(at)]))}
})
axis.axis_label = across ? `Column, in row ${height - 1 - row}` : `Row, in column ${column}`
"""
DASHES = {PINV: "dashed", TRUTH: "dotted"}
HEIGHT = 230


class Profile(pn.viewable.Viewer):
    """A chart that the browser fills by itself; there only while it is asked for."""

    def __init__(self, view: View, pictures: Pictures) -> None:
        super().__init__()
        self._look, self._pictures = view, pictures
        self._built: tuple[object, ...] = ()
        self._read = CustomJS(args={"sources": []}, code=READ)
        pictures.touch.probe.js_on_change("data", self._read)
        self._view = pn.Row(
            visible=False, sizing_mode="stretch_width", margin=(12, 0, 0, 0), max_width=900
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, scene: Scene) -> None:
        """Draw lines for the images that are shown, if a profile is wanted."""
        along = self._look.profile
        self._view.visible = bool(along)
        if not along:
            # The browser may not know the callback yet, and would take nothing more.
            return
        shown = [shot for shot in scene.shots if shot.key not in self._look.hidden]
        images = [self._pictures.by_key[shot.key].image.source for shot in shown]
        built = (along, *map(id, images))
        if built == self._built:
            return
        self._built = built
        lines = [ColumnDataSource({"x": [], "y": []}, syncable=False) for _ in shown]
        chart = self._chart(shown, lines)
        self._read.args = {
            "sources": images,
            "lines": lines,
            "probe": self._pictures.touch.probe,
            "axis": chart.xaxis[0],
            "across": along == "row",
        }
        for image in images:
            # The same callback is noted once.
            image.js_on_change("data", self._read)
        self._view.objects = (
            [pn.pane.Bokeh(chart, sizing_mode="stretch_width", margin=0)] if shown else []
        )

    def _chart(self, shown: Sequence[Shot], lines: Sequence[ColumnDataSource]) -> figure:
        chart = figure(
            y_axis_label="Value",
            height=HEIGHT,
            sizing_mode="stretch_width",
            output_backend="canvas",
            toolbar_location=None,
            tools="",
        )
        chart.html_attributes = {"role": "img", "aria-label": "Values along a line"}
        for shot, line in zip(shown, lines, strict=True):
            chart.line(
                source=line,
                color=shot.colour,
                line_width=2,
                line_dash=DASHES.get(shot.key, "solid"),
                legend_label=shot.title,
            )
        if shown:
            legend = chart.legend[0]
            legend.update(border_line_color=None, background_fill_alpha=0, click_policy="hide")
            chart.add_layout(legend, "right")
        chart.js_on_change("inner_width", self._read)
        return chart
