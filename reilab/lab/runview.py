"""The view of a run: what can be done with it now, what it shows, what it was steered to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import panel as pn

from reilab.lab.actions import Action, actions, attempt, press
from reilab.lab.board import Redraw
from reilab.lab.content import content_of
from reilab.lab.exhibit import LOOKS, STRETCH, Exhibit, section
from reilab.lab.explain import objectives
from reilab.lab.headline import others_words
from reilab.lab.markup import example_html, introduction, list_html, standing_html
from reilab.lab.model import Lab
from reilab.lab.opening import Opening
from reilab.lab.outlooks import Example, Outlooks, example_of
from reilab.lab.parts import Parts
from reilab.lab.style import LINE, TALL, slug
from reilab.lab.takehome import Facts, Repeat
from reilab.lab.text import block, set_html, small_button, text
from reilab.lab.view import View
from reilab.lab.web.components import Browser, Button, put
from reilab.runs.account import Account
from reilab.runs.config import RunConfig
from reilab.runs.facts import facts_of
from reilab.show.scene import lost_words
from reilab.show.words import steering_log


class Transport(pn.viewable.Viewer):
    """The buttons of a lab with its status, and a notice when something stands in the way."""

    def __init__(
        self, lab: Lab, view: View, browser: Browser, *links: pn.viewable.Viewable
    ) -> None:
        super().__init__()
        self._lab, self._look, self._browser = lab, view, browser
        self._refusal = ""
        self._buttons = {one.name: self._button(one) for one in actions(lab, view)}
        self._told = {
            "state": text(),
            "detail": text(),
            "progress": block(margin=(10, 0, 0, 0)),
            "notice": block(margin=(12, 0, 0, 0)),
        }
        # Together, so that they go to the next line together where there is no room for all.
        aside = pn.Row(*links, margin=0, align="center", styles={**LINE, "margin-left": "auto"})
        row = pn.Row(
            *self._buttons.values(),
            self._told["state"],
            self._told["detail"],
            aside,
            css_classes=["reilab-transport"],
            margin=0,
            styles=dict(LINE),
            sizing_mode="stretch_width",
        )
        self._view = pn.Column(
            row, self._told["notice"], self._told["progress"], margin=0, sizing_mode="stretch_width"
        )
        lab.param.watch(self.update, ["standing", "run", "message"])
        self.update()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def attempt(self, action: Callable[[], None]) -> None:
        """Act, and say what stood in the way, if anything did."""
        self._refusal = ""
        self.tell(attempt(action))

    def tell(self, refusal: str) -> None:
        """Say what stood in the way, or nothing."""
        self._refusal = refusal
        self.update()

    def update(self, *_: Any) -> None:
        """Show where the run stands now."""
        for now in actions(self._lab, self._look):
            put(self._buttons[now.name], visible=now.shown, label=now.label)
        for name, words in standing_html(self._lab, self._refusal).items():
            set_html(self._told[name], words)

    def press(self, name: str) -> None:
        """Do what a button says; the keyboard stays here, as the button may go."""
        self.tell(press(self._lab, self._look, name))
        if not self._buttons[name].visible:
            self._browser.focus("transport")

    def _button(self, action: Action) -> Button:
        return Button(
            partial(self.press, action.name),
            label=action.label,
            look="large full" if action.name == "train" else "large",
            css_classes=[slug(action.name)],
            margin=0,
        )


class Others(pn.viewable.Viewer):
    """A word on another run that is at work while none is that is shown, and the way to it.

    Args:
        lab: opens it.
        attempt: acts, and says what stood in the way.
    """

    def __init__(self, lab: Lab, attempt: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self._lab, self._run = lab, ""
        self._words = text(css_classes=["reilab-others"])
        follow = small_button("Follow it", lambda: attempt(lambda: lab.open(self._run)), "follow")
        self._view = pn.Row(
            self._words, follow, visible=False, styles={**LINE, "margin-top": "10px"}, **STRETCH
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, at_work: Sequence[Account]) -> None:
        """Tell of the first of these runs."""
        other = next((one for one in at_work if one.folder.name != self._lab.run), None)
        self._view.visible = other is not None and not self._lab.live
        if other is not None:
            self._run, words = other.folder.name, others_words(self._lab, other)
            set_html(self._words, f'<span role="status">{escape(words)}</span>')


class RunView(pn.viewable.Viewer):
    """All views of one run; ``update`` brings them up to date, each sends only what has changed."""

    def __init__(
        self, lab: Lab, view: View, browser: Browser, *links: pn.viewable.Viewable
    ) -> None:
        super().__init__()
        self._lab, self._look, self._browser = lab, view, browser
        self.transport = Transport(lab, view, browser, *links)
        self.others = Others(lab, self.transport.attempt)
        self._steered, self._formula = block(), block()
        self._parts = Parts(view, self._config, lab.hands)
        self._outlooks = Outlooks(lab.choices, lab.hands)
        self._wait()
        self._opening, self._example_head = Opening(self._outlooks), block(margin=(22, 0, 0, 0))
        self.exhibit = Exhibit(
            view,
            browser,
            "reilab-results",
            self._steered,
            section("What is minimised", "Bold numbers are those of the controls."),
            self._formula,
            facts=self._facts,
        )
        others, self._repeat = pn.Column(self.others, **STRETCH), pn.Column(**STRETCH)
        #: What a presentation does without.
        self._asides = (others, self._repeat)
        self._view = pn.Column(
            self.transport,
            others,
            self._opening,
            self._example_head,
            self.exhibit,
            self._repeat,
            styles=dict(TALL),
            **STRETCH,
        )
        self._redraw = Redraw(self.update)
        view.param.watch(self._redraw.ask, [*LOOKS, "log_losses", "smoothing"])
        lab.param.watch(self._live, "run")
        lab.param.watch(self._redraw.ask, "run")
        lab.choices.param.watch(self._redraw.ask, "task")
        watched = ["task", "methods", "assumed_noise", *lab.choices.steerable]
        lab.choices.param.watch(self._explain, watched)
        self.update()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def turn(self) -> None:
        """Show what has been chosen before anybody sees it."""
        self._wait()
        self._redraw.at_once()

    def _wait(self) -> None:
        if not self._lab.run:
            self._outlooks.wait()

    def unfold(self) -> None:
        """Show what is below the images, too."""
        self.exhibit.unfold()
        self._repeat.append(Repeat(self._lab, self._browser))

    def update(self, anew: bool = False) -> None:
        """Bring every view up to date; ``anew`` if a method went back to a checkpoint."""
        lab, example = self._lab, self._example()
        for part in self._asides:
            part.visible = not self._look.present
        self.transport.update()
        self._explain()
        self._show_outlook()
        name, history = (example.name, example.history) if example else (lab.run, lab.history)
        set_html(self._example_head, example_html(example.name, example.caption) if example else "")
        if history.posed is None:
            self.exhibit.hide()
            return
        content = content_of(name, history, self._look, anew)
        self.exhibit.show(replace(content, scene=self._parts.of(content.scene), splits=True))
        lost = lost_words(history, self._look.at)
        set_html(self._steered, list_html([*steering_log(history), *lost]))

    def look_ahead(self) -> None:
        """Show what is chosen as soon as it has been computed."""
        if self._parts.poll():
            self.update()
        if not self._lab.live and self._outlooks.poll(self._look.sample):
            self._show_outlook()

    def _show_outlook(self) -> None:
        """What would be learned from: before a run, and when other settings are chosen than its.

        A presentation shows it only where there is nothing else.
        """
        lab = self._lab
        posed = lab.history.posed is not None
        settled = posed and (lab.live or lab.queued or lab.as_asked)
        if settled or (self._look.present and (posed or self._example())):
            self._opening.hide()
        else:
            self._opening.show(introduction(lab), str(lab.choices.further.get("group", "")))

    def _example(self) -> Example | None:
        """What is shown while there is no run."""
        return None if self._lab.run else example_of(self._lab.choices.task)

    def _facts(self) -> Facts:
        """Of the run that is shown, or of the example."""
        lab, example = self._lab, self._example()
        if example:
            return {"": facts_of(example.config, example.name)}
        return {"": facts_of(lab.asked, lab.run)} if lab.asked else {}

    def _config(self) -> RunConfig | None:
        """That of what is shown; nothing is computed for a part of the page that is hidden."""
        if self._look.tab != "run":
            return None
        example = self._example()
        return example.config if example else self._lab.asked

    def _live(self, *_: Any) -> None:
        """Another run is looked at from its live end on."""
        self._look.param.update(at=None, playing=False)

    def _explain(self, *_: Any) -> None:
        set_html(self._formula, objectives(self._lab.choices, self._lab.history))
