"""Welcome: what a visitor sees while the page is made, which takes some seconds.

All pages begin alike, with the libraries that the browser has to read. That much is sent at once,
with pictures of the example of the task, and the server makes the session meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bokeh.server.session import ServerSession
from panel.io.server import DocHandler
from panel.models.esm import ReactComponent

from reilab.lab.choices import Choices
from reilab.lab.headline import NAME, TAGLINE
from reilab.lab.outlooks import example_of
from reilab.lab.spare import Spare
from reilab.lab.view import View
from reilab.show.gallery import sample_of, templates
from reilab.show.scene import scene_of
from reilab.tasks.registry import tasks

#: Where that begins what is a page's own.
OWN = '<div id="loader"'
#: Before what is said in place of a page.
UNVEIL = "<style>#welcome { display: none; }</style>"
#: Whoever has been welcomed is told, too, if there is no page.
TROUBLE = '<p role="alert">The page could not be made; the log of the server tells why.</p>'


SCRIPT = re.compile("<script.*?</script>", re.DOTALL)
SHEET = '<link rel="stylesheet"'
#: A sheet that is not used is not waited for.
USE_SHEETS = """<script>
for (const sheet of document.querySelectorAll('link[media="none"]')) sheet.media = "all"
</script>"""
#: So long the server is free to hand out the libraries.
FETCH_SECONDS = 0.1
#: A page would import its modules one step later, when it has been told what it consists of.
IMPORT = "<script>for (const module of %s) importShim(module)</script>"


def is_narrow(headers: Mapping[str, str]) -> bool:
    """Whether a browser is on a telephone."""
    return "Mobi" in headers.get("User-Agent", "")


class Greeter(DocHandler):
    """Answers with what all pages begin with, and when its page is made with the rest."""

    def initialize(
        self, *args: Any, begins: Beginning, spare: Spare | None = None, **rest: Any
    ) -> None:
        """What tornado hands to each request; without a spare page each waits for its own."""
        self._begins, self._spare = begins, spare
        super().initialize(*args, **rest)

    async def get_session(self) -> ServerSession:
        """The spare session, or one that is made now, which takes a second or two."""
        given = self.request.arguments.items()
        asked = {name: values[0].decode(errors="replace") for name, values in given}
        self.set_header("Content-Type", "text/html")
        super().write(self._begins.head + welcome_html(asked) + self._begins.scripts)
        if self._spare:
            super().write(IMPORT % json.dumps(self._spare.modules))
        await self.flush()
        try:
            session = await self._made_for(asked)
        except Exception:
            super().write(UNVEIL + TROUBLE)
            raise
        if not any(isinstance(root, ReactComponent) for root in session.document.roots):
            # Panel shows what went wrong.
            super().write(UNVEIL)
        return session

    async def _made_for(self, asked: Mapping[str, str]) -> ServerSession:
        spare = None if is_narrow(self.request.headers) else self._spare
        if spare and (session := await spare.take(asked)):
            return session
        await asyncio.sleep(FETCH_SECONDS)
        return await super().get_session()

    def write(self, chunk: Any) -> None:
        """Leave out of a page what has been sent."""
        _, own, rest = chunk.partition(OWN)
        super().write(own + rest if own else chunk)


@dataclass(frozen=True)
class Beginning:
    """What all pages begin with, in which something can be seen before the libraries are there."""

    head: str
    scripts: str


def begins(page: str) -> Beginning | None:
    """The beginning of a page; browsers show nothing before they have read sheets and scripts.

    There is none in a page that is not as Panel Material UI 0.16.6 makes it.
    """
    beginning, own, _ = page.partition(OWN)
    if not own:
        return None
    head = SCRIPT.sub("", beginning).replace(SHEET, f'{SHEET} media="none"')
    return Beginning(head, "\n".join([USE_SHEETS, *SCRIPT.findall(beginning)]))


def welcome_html(query: Mapping[str, str]) -> str:
    """What is seen at first, in HTML.

    Args:
        query: what the address asks for.
    """
    task, theme = query.get("task", Choices().task), query.get("theme", "")
    plain = not query.keys() & {"run", "tab"} and task in tasks()
    return _html(task if plain else "", theme if theme in View.param.theme.objects else "")


@cache
def _html(task: str, theme: str) -> str:
    example = example_of(task) if task else None
    scene = scene_of("", example.history, 0) if example else None
    height, width = scene.shots[0].image.shape[:2] if scene else (1, 1)
    template = templates(Path(__file__).parent).get_template("welcome.html.j2")
    return template.render(
        name=NAME,
        tagline=TAGLINE,
        theme=theme,
        problem=example.caption if example else "",
        aspect=width / height,
        panes=sample_of(scene).images if scene else [],
    )
