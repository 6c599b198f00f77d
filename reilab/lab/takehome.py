"""TakeHome: what is on screen as a figure, and what repeats it as a command and in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from html import escape

import panel as pn

from reilab.lab import exports
from reilab.lab.actions import attempt
from reilab.lab.content import PSNR, Content, axes_of
from reilab.lab.imagetools import tool
from reilab.lab.markup import notice_html
from reilab.lab.matrix import columns_of
from reilab.lab.model import Lab
from reilab.lab.pictures import Pictures
from reilab.lab.style import LINE, TALL
from reilab.lab.text import block, quiet, set_html, small_button
from reilab.lab.view import ERRORS, MAPS, View
from reilab.lab.web.components import Browser
from reilab.runs.facts import facts_line
from reilab.runs.report import as_command, as_python, command_of, python_of
from reilab.show.figures import FORMATS, PAPERS, Curve, Framing

#: Facts of each run that is shown, by the letter that its panes and rows begin with.
Facts = Mapping[str, Mapping[str, str]]


class FigureTools(pn.viewable.Viewer):
    """A figure of what is on screen, at the size at which it is printed.

    Args:
        view: how it is looked at.
        pictures: know which values are black and white.
        browser: takes the file to the person.
        facts: of the runs that are shown.
    """

    def __init__(
        self, view: View, pictures: Pictures, browser: Browser, facts: Callable[[], Facts]
    ) -> None:
        super().__init__()
        self._look, self._pictures = view, pictures
        self._browser, self._facts = browser, facts
        self._content: Content | None = None
        papers = [[name, paper.title] for name, paper in PAPERS.items()]
        options = [["curve", "PSNR curve"]]
        self._paper = tool("choice", "paper", "Figure", "inline", 285, options=papers, value="page")
        self._curve = tool("toggles", "curve", "Below the images", "inline silent", options=options)
        buttons = (
            small_button(kind.upper(), partial(self._save, kind), f"figure {kind}")
            for kind in FORMATS
        )
        self._view = pn.Row(
            self._paper,
            self._curve,
            *buttons,
            margin=(8, 0, 0, 0),
            sizing_mode="stretch_width",
            styles=dict(LINE),
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, content: Content) -> None:
        """This is on screen now."""
        self._content = content

    def _save(self, kind: str) -> None:
        content = self._content
        if content is None:
            return
        facts, paper = self._facts(), PAPERS[self._paper.value]
        framing = framing_of(content, self._look, self._pictures, facts, bool(self._curve.value))
        exports.hand_out(
            self._browser, partial(exports.figure, content.scene, paper, framing, kind)
        )


def framing_of(
    content: Content, look: View, pictures: Pictures, facts: Facts, curve: bool
) -> Framing:
    """How what is on screen is put on paper."""
    scene, axes = content.scene, axes_of(PSNR, content.n_steps, look.log_losses)
    step = max((shot.step for shot in scene.shots), default=0)
    curves = [
        Curve(one.line.label, one.line.colour, one.line.dash, *map(list, one.points))
        for one in content.kinds.get(PSNR, {}).values()
    ]
    lines = [": ".join(filter(None, [letter, facts_line(own)])) for letter, own in facts.items()]
    named = {own.get("Run"): letter for letter, own in facts.items()}
    return Framing(
        hidden=tuple(look.hidden),
        errors=ERRORS not in look.hidden,
        levels=pictures.levels(scene),
        colours=MAPS[look.colours],
        zoom=look.zoom,
        axis=axes.label,
        curves=curves if curve else (),
        columns=columns_of(scene.rows),
        heads={row.run: f"{named.get(row.run, '')}: {row.run}" for row in scene.rows},
        notes=[*lines, f"Test image {scene.sample + 1}, step {step:,}."],
    )


class Repeat(pn.viewable.Viewer):
    """The command, and the Python, of what is shown: a run, or what is chosen for the next one.

    Args:
        lab: knows both.
        browser: copies them.
    """

    def __init__(self, lab: Lab, browser: Browser) -> None:
        super().__init__()
        self._lab, self._browser = lab, browser
        self._shown = block()
        self._view = pn.Column(
            pn.Row(
                quiet("Repeat this outside the page:"),
                small_button("Copy command", partial(self._copy, self._command), "copy command"),
                small_button("Copy Python", partial(self._copy, self._python), "copy python"),
                margin=(14, 0, 6, 0),
                styles=dict(LINE),
                sizing_mode="stretch_width",
            ),
            self._shown,
            margin=0,
            styles=dict(TALL),
            sizing_mode="stretch_width",
        )
        lab.param.watch(lambda event: set_html(self._shown, ""), "run")

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def _copy(self, write: Callable[[], str]) -> None:
        """Onto the clipboard, and on screen, for browsers that let no page copy."""
        written: list[str] = []
        trouble = attempt(lambda: written.append(write()))
        words = "".join(f"<pre>{escape(text)}</pre>" for text in written)
        set_html(self._shown, words or notice_html([trouble]))
        for text in written:
            self._browser.copy(text)

    def _command(self) -> str:
        lab = self._lab
        shown = lab.asked is not None and lab.as_asked
        return command_of(lab.folder) if shown else as_command(lab.wanted())

    def _python(self) -> str:
        lab = self._lab
        shown = lab.asked is not None and lab.as_asked
        return python_of(lab.folder) if shown else as_python(lab.wanted())
