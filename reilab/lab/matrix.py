"""Matrix: the images of several runs, a row for each, in columns that all of them share."""

from __future__ import annotations

from collections.abc import Sequence

import panel as pn

from reilab.lab.board import UNJUDGED, ImageBoard
from reilab.lab.style import TALL
from reilab.lab.text import Text, block, set_html
from reilab.lab.view import View
from reilab.methods.registry import methods
from reilab.show.scene import Scene


class Matrix(pn.viewable.Viewer):
    """The images of a scene, or of its rows; those of one size move and zoom together.

    Args:
        view: what is shown of a scene, and how.
    """

    def __init__(self, view: View) -> None:
        super().__init__()
        self._look, self.lead = view, ImageBoard(view)
        self._boards, self._heads = [self.lead], list[Text]()
        self._placed: list[pn.viewable.Viewable] = list(self.lead.parts)
        self._view = pn.Column(
            *self._placed, sizing_mode="stretch_width", margin=0, styles=dict(TALL)
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, scene: Scene, heads: Sequence[str]) -> bool:
        """Show a scene, or its rows, with HTML above each; whether there are more rows to come.

        Making one takes half a second: there is one more each time, and the server answers between.
        """
        every = scene.rows or [scene]
        rows = every[: len(self._boards) + 1]
        while len(self._boards) < len(rows):
            self._boards.append(ImageBoard(self._look, self.lead.pictures))
        while len(self._heads) < len(heads):
            self._heads.append(block(margin=(14, 0, 4, 0)))
        for piece, html in zip(self._heads, heads, strict=False):
            set_html(piece, html)
        columns = columns_of(scene.rows)
        for board, row in zip(self._boards, rows, strict=False):
            board.update(row, columns)
        images, scale = [board.parts[0] for board in self._boards[: len(rows)]], self.lead.parts[1]
        placed = [
            part for pair in zip(self._heads[: len(heads)], images, strict=False) for part in pair
        ]
        # Last, because the browser does not know new figures before it has been given them.
        if [*(placed or images), scale] != self._placed:
            self._placed = [*(placed or images), scale]
            self._view.objects = self._placed
        return len(rows) < len(every)


def columns_of(rows: Sequence[Scene]) -> list[str]:
    """What the rows have beside truth and measurement; methods that need the truth are last."""
    known = methods()
    found = dict.fromkeys(shot.key for row in rows for shot in row.shots)
    own = [key for key in found if key not in UNJUDGED]
    return sorted(own, key=lambda name: name in known and known[name].oracle)
