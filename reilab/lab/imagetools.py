"""ImageTools: which images are shown, and how: image, panes, window, colours, swipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import panel as pn

from reilab.lab.explain import explain, label
from reilab.lab.keys import DIGITS
from reilab.lab.style import LINE, slug
from reilab.lab.text import heading, small_button
from reilab.lab.view import ERRORS, MAPS, OVERS, View
from reilab.lab.web.components import Field, put
from reilab.show.parts import PARTS
from reilab.show.words import number_text

WINDOW_STEP = 0.01


class ImageTools(pn.viewable.Viewer):
    """The tools above the images.

    Args:
        view: what they change.
        reset: shows the whole of every image again.
    """

    def __init__(self, view: View, reset: Callable[[], None]) -> None:
        super().__init__()
        self._look, self._reset = view, reset
        self.panes: list[str] = []
        options = [[name, name.capitalize()] for name in MAPS]
        self._sample = tool("choice", "sample", label("sample"), "inline", 165)
        self._colours = tool("choice", "colours", "Colours", "inline silent", 130, options=options)
        span = [0, 1, WINDOW_STEP]
        self._window = tool("window", "window", "Window", "inline", 290, span=span, value="0 1")
        self._panes = tool("toggles", "panes", "Panes", "inline silent")
        overs = [[how, words, how[0]] for how, words in OVERS.items()]
        self._over = tool("toggles", "swipe", "Compare two", "inline silent", options=overs)
        parts = [list(item) for item in PARTS.items()]
        self._part = tool("choice", "part", "Show", "inline", 265, options=parts, visible=False)
        lines = [["row", "Row"], ["column", "Column"]]
        self._profile = tool("toggles", "profile", "Profile", "inline", options=lines)
        whole = small_button("Reset view", self._whole, "reset", "text")
        fields = (
            *(self._panes, self._part, self._sample, self._over, self._profile),
            *(self._colours, self._window),
        )
        self._view = pn.Row(
            heading("Images"),
            *fields,
            whole,
            margin=(16, 0, 10, 0),
            sizing_mode="stretch_width",
            styles=dict(LINE),
        )
        for field in fields:
            field.param.watch(self._read, "value")
        shown = ["hidden", "sample", "part", "colours", "window", "swipe", "over", "profile"]
        view.param.watch(self._show, shown)
        self._show()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, n_images: int, panes: Mapping[str, str], colour: bool, splits: bool) -> None:
        """Offer what there is to choose.

        Args:
            n_images: how many test images there are.
            panes: titles by key.
            colour: images that have colours keep them.
            splits: whether parts of the images can be shown.
        """
        options = [[str(index), f"{index + 1} of {n_images}"] for index in range(n_images)]
        put(self._sample, options=options, visible=n_images > 1)
        self._colours.visible, self._part.visible = not colour, splits
        titles = {**panes, ERRORS: "Errors"}
        self.panes = list(titles)
        keys = dict(zip(panes, DIGITS, strict=False)) | {ERRORS: "e"}
        self._panes.options = [[key, titles[key], keys.get(key, "")] for key in titles]
        self._show()

    def _show(self, *_: Any) -> None:
        look = self._look
        self._panes.value = " ".join(key for key in self.panes if key not in look.hidden)
        self._sample.value, self._colours.value = str(look.sample), look.colours
        self._window.value = " ".join(map(number_text, look.window))
        self._over.value = look.over if look.swipe else ""
        self._part.value, self._profile.value = look.part, look.profile

    def _read(self, event: Any) -> None:
        look = self._look
        match event.obj:
            case self._sample:
                look.sample = int(event.new)
            case self._colours:
                look.colours = event.new
            case self._window:
                dark, bright = map(float, event.new.split())
                look.window = (dark, bright)
            case self._over:
                over = _pressed(event, look.over if look.swipe else "")
                look.param.update(swipe=bool(over), over=over or look.over)
            case self._profile:
                look.profile = _pressed(event, look.profile)
            case self._part:
                look.part = event.new
            case self._panes:
                shown = event.new.split()
                elsewhere = [key for key in look.hidden if key not in self.panes]
                look.hidden = [*elsewhere, *(key for key in self.panes if key not in shown)]

    def _whole(self) -> None:
        self._reset()
        self._look.window = (0.0, 1.0)


def _pressed(event: Any, shown: str) -> str:
    """Of toggles that take turns, the one that was pressed now, or nothing if it was let go."""
    if event.new == shown:
        return shown
    return " ".join(set(event.new.split()) - set(event.old.split()))


def tool(
    kind: str,
    name: str,
    label: str,
    place: str,
    width: int | None = None,
    **more: Any,
) -> Field:
    """A control in a line of tools."""
    return Field(
        kind=kind,
        label=label,
        help=explain(name),
        place=place,
        css_classes=[slug(name)],
        # A width of its own would be the least width of the whole line; fingers need more room.
        styles={"width": f"calc({width}px + var(--touch, 0px))"} if width else {},
        margin=0,
        align="center",
        **more,
    )
