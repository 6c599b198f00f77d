"""Spare: a page that is made while the server rests, for whoever comes next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import parse_qsl
from weakref import WeakValueDictionary

from bokeh.server.contexts import ApplicationContext
from bokeh.server.session import ServerSession
from bokeh.util.token import generate_session_id
from panel.models.esm import ReactiveESM
from tornado.httputil import HTTPServerRequest, RequestStartLine

from reilab.lab.address import VIEWED

#: What of an address is looked at while a page is made, or says whose page it is.
OWN_PAGE = {"run", *VIEWED}
#: A server rests that has worked for less than this share of so many seconds.
REST_SHARE, REST_SECONDS = 0.1, 2.0
#: So long a browser has to answer before its session may be given up.
GRACE_SECONDS = 60.0


class Page(Protocol):
    """What is known here of a page."""

    @property
    def address(self) -> str:
        """The query that brings back what it shows."""

    @property
    def live(self) -> bool:
        """Whether it shows a run that goes on."""

    def turn(self, query: Mapping[str, str]) -> None:
        """Show another problem, or other settings, before anybody sees the page."""


#: The pages of all sessions, by the name of the session.
PAGES: WeakValueDictionary[str, Page] = WeakValueDictionary()


class Spare:
    """A session that shows what one sees who asks for nothing in particular, if there is one.

    Making one takes the server about a second, in which it answers nobody; to have it show another
    problem takes a fraction of that.

    Args:
        context: makes the sessions.
    """

    def __init__(self, context: ApplicationContext) -> None:
        self._context = context
        self._session: ServerSession | None = None
        #: The addresses of the modules that pages import.
        self.modules: list[str] = []

    async def keep(self) -> None:
        """Make another when there is none and the server rests."""
        while True:
            lacks, worked = self._session is None, time.process_time()
            await asyncio.sleep(REST_SECONDS)
            rests = time.process_time() - worked < REST_SHARE * REST_SECONDS
            if lacks and rests and not any(page.live for page in PAGES.values()):
                await self.prepare()

    async def prepare(self) -> None:
        """Make one; there is none if its page could not be made."""
        plain = HTTPServerRequest(start_line=RequestStartLine("GET", "/", "HTTP/1.0"))
        session = await self._context.create_session_if_needed(generate_session_id(), plain)
        if session.id in PAGES:
            # Bokeh gives up what nobody looks at.
            session.block_expiration()
            self._session = session
            parts = session.document.select({"type": ReactiveESM})
            self.modules = sorted({part.esm for part in parts if part.bundle == "url"})

    async def take(self, query: Mapping[str, str]) -> ServerSession | None:
        """The session, showing what an address asks for; it is somebody's then.

        There is none for those who ask for more than a problem and its settings.
        """
        session = self._session
        if session is None or query.keys() & OWN_PAGE:
            return None
        self._session = None
        loop = asyncio.get_running_loop()
        loop.call_later(GRACE_SECONDS, session.unblock_expiration)
        page = PAGES[session.id]
        if query.items() - dict(parse_qsl(page.address)).items():
            await session.with_document_locked(page.turn, query)
        return session
