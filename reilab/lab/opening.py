"""Opening: what there is to see before anything is trained: the problem, and what was learned."""

from __future__ import annotations

import panel as pn

from reilab.lab.board import Card
from reilab.lab.markup import news_html, notice_html
from reilab.lab.outlooks import Outlooks
from reilab.lab.pictures import Pictures
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html
from reilab.lab.view import ERRORS, View
from reilab.show.scene import scene_of

#: Three panes, and words beside them or, where there is no room, below.
PANES = {
    **TALL,
    "display": "grid",
    "grid-auto-rows": "max-content",
    "gap": "14px",
    "grid-template-columns": "repeat(3, minmax(0, 1fr))",
    "flex": "3 1 340px",
    "max-width": "660px",
}
WORDS = {**TALL, "flex": "1 1 260px", "gap": "12px"}
ROW = {**TALL, "flex-wrap": "wrap", "gap": "14px 24px"}


class Opening(pn.viewable.Viewer):
    """Ground truth, measurement and A†y of what is chosen, and what the group can teach of it.

    Args:
        outlooks: where they come from.
    """

    def __init__(self, outlooks: Outlooks) -> None:
        super().__init__()
        self._outlooks = outlooks
        self._pictures = Pictures(View(hidden=[ERRORS]))
        self._cards: dict[object, Card] = {}
        # A column holds a button of its own, which would take a place in the grid.
        self._grid = pn.Row(margin=0, styles=PANES)
        self._intro, self._news, self._trouble = block(), block(), block()
        words = pn.Column(self._intro, self._trouble, self._news, margin=0, styles=WORDS)
        self._view = pn.Row(
            self._grid,
            words,
            visible=False,
            margin=(14, 0, 6, 0),
            sizing_mode="stretch_width",
            styles=ROW,
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def hide(self) -> None:
        """Show nothing."""
        self._view.visible = False

    def show(self, introduction: str, group: str) -> None:
        """Bring it up to date.

        What is in the way of the newest choices is said beside what was seen before.

        Args:
            introduction: what to do with it, in HTML.
            group: the name of the group that is chosen.
        """
        # Each answer shows other images, as another run does.
        scene = scene_of(f"outlook {self._outlooks.count}", self._outlooks.history, 0)
        self._view.visible = True
        set_html(self._intro, introduction)
        set_html(self._trouble, notice_html(list(filter(None, [self._outlooks.trouble]))))
        if scene is None:
            return
        self._pictures.update(scene)
        pairs = self._pictures.by_key
        old = self._cards
        self._cards = {
            pairs[shot.key]: old.get(pairs[shot.key])
            or Card(f"outlook-{shot.key}", pairs[shot.key])
            for shot in scene.panes
        }
        for shot, card in zip(scene.panes, self._cards.values(), strict=True):
            card.arrange(shown=True, errors=False)
            card.tell(shot, errors=False, alone=True)
        set_html(self._news, news_html(group, self._outlooks.news))
        if list(old) != list(self._cards):
            # Last, because the browser does not know new figures before it has been given them.
            self._grid.objects = list(self._cards.values())
