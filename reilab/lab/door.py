"""Door: who reaches the page and what they may do, and what a browser is told to refuse."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from ipaddress import ip_address
from pathlib import Path
from socket import gethostname
from typing import Any
from urllib.parse import urlsplit

from bokeh.server.auth_provider import AuthProvider
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import OutputTransform, RequestHandler

from reilab.lab.hands import Hands

#: Who the signed cookie of this name says somebody is.
COOKIE, DRIVER, WATCHER = "user", "driver", "watcher"
LOGIN, COOKIE_DAYS = "/login", 7
#: So many wrong passwords, by whoever, within so many seconds; then none is looked at.
TRIES, WITHIN_SECONDS = 10, 60.0
#: Bokeh compiles callbacks, Panel fetches modules of its own as blobs, both write styles.
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' blob: 'unsafe-eval'",
    "connect-src": "'self' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>reilab</title>
<meta name="viewport" content="width=device-width"><style>body {{font: 16px sans-serif;
max-width: 20em; margin: 20vh auto}} input, button {{font: inherit; padding: 8px; width: 100%;
box-sizing: border-box; margin: 4px 0}}</style><h1>reilab</h1><p role="alert">{words}</p>
<form method="post"><label>Password<input type="password" name="password" autofocus
autocomplete="current-password"></label><button>Enter</button></form></html>"""


@dataclass(frozen=True)
class Door:
    """Where the lab is reached, and by whom.

    Args:
        address: it listens at; beyond this machine it needs a password.
        port: it listens at.
        prefix: the path that a proxy has it at, as /lab.
        origins: further hosts by which browsers know it, as lab.example.org, or with a port.
        password: of those who may drive it; nobody is asked if it is empty.
        watch: the word of a watching link; without a password any will do.
        folders: where the files are that may be named; anywhere if there is none.
    """

    address: str = "127.0.0.1"
    port: int = 5006
    prefix: str = ""
    origins: tuple[str, ...] = ()
    password: str = ""
    watch: str = "1"
    folders: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether it listens to this machine alone."""
        try:
            return ip_address(self.address).is_loopback
        except ValueError:
            return self.address == "localhost"

    @property
    def url(self) -> str:
        """Where it is."""
        everywhere = self.address in ("0.0.0.0", "::")
        return (
            f"http://{f'{gethostname()}:{self.port}' if everywhere else self._hosts[0]}{self.path}"
        )

    @property
    def path(self) -> str:
        """The path of the page."""
        return f"/{self.prefix.strip('/')}/".replace("//", "/")

    @cached_property
    def _hosts(self) -> tuple[str, ...]:
        named = f"[{self.address}]" if ":" in self.address else self.address
        own = (named, *(("localhost", "127.0.0.1") if self.is_local else ()))
        return (*(f"{name}:{self.port}" for name in own), *self.origins)

    def knows(self, host: str, origin: str | None) -> bool:
        """Whether a request means this lab, and comes from a page of its own or from no page.

        A page of another site reaches a lab on its reader's machine by naming it (``origin`` tells)
        or by a name of its own that leads here (``host`` tells). Beyond this machine a lab may have
        any name; there the password keeps such pages out, as their browsers have no cookie for it.
        """
        known = [*self._hosts, *([] if self.is_local else [host])]
        return host in known and (origin is None or urlsplit(origin).netloc in known)

    def hands(self, user: str | None, query: Mapping[str, str]) -> Hands:
        """What somebody may do: who watches, or is not known to drive, changes nothing."""
        return Hands("watch" in query or (self.password != "" and user != DRIVER), self.folders)


class Stranger(Matcher):
    """Requests that a door does not know."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """No parameters for a stranger, and ``None`` for all others, as tornado wants it."""
        origin = request.headers.get("Origin")
        known = self._door.knows(request.host.lower(), origin and origin.lower())
        return None if known else {}


class Refusal(RequestHandler):
    """Tells a stranger how the one who serves the lab lets it in."""

    def prepare(self) -> None:
        """Answer, whatever was asked."""
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        name = urlsplit(self.request.headers.get("Origin", "")).netloc or self.request.host
        told = (
            f"This lab is not known as {name}. If it shall be: reilab app --allow-origin {name}\n"
        )
        self.finish(told)


class SafeAnswer(OutputTransform):
    """Tells browsers to run nothing but the scripts that the answer came with, and no frame."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Add the headers, and to the scripts of a page the word that lets them run."""
        word = secrets.token_urlsafe(16)
        self._is_page = headers.get("Content-Type", "").startswith("text/html")
        self._script = f'<script nonce="{word}"'.encode()
        chunk = self.transform_chunk(chunk, finishing)
        if self._is_page and finishing:
            headers["Content-Length"] = str(len(chunk))
        policy = POLICY | {"script-src": f"{POLICY['script-src']} 'nonce-{word}'"}
        told = HEADERS | {"Content-Security-Policy": "; ".join(map(" ".join, policy.items()))}
        for name, value in told.items():
            headers[name] = value
        headers.pop("Access-Control-Allow-Origin", None)
        return status_code, headers, chunk

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        """The same for what comes later of a page."""
        return chunk.replace(b"<script", self._script) if self._is_page else chunk


class Keeper(AuthProvider):
    """Lets in who has given the password, and who comes by a watching link to watch."""

    def __init__(self, door: Door) -> None:
        self._door = door
        super().__init__()

    @property
    def login_url(self) -> str:
        """Where those are sent who have not been let in."""
        return LOGIN

    @property
    def get_user(self) -> Callable[[Any], str | None]:
        """Finds out who somebody is."""
        return self._user

    def _user(self, handler: RequestHandler) -> str | None:
        known: bytes | None = handler.get_signed_cookie(COOKIE, max_age_days=COOKIE_DAYS)
        if known:
            return known.decode()
        if not _same(handler.get_query_argument("watch", ""), self._door.watch):
            return None
        let_in(handler, WATCHER, self._door)
        return WATCHER


@dataclass
class Tries:
    """Wrong passwords of late."""

    times: deque[float] = field(default_factory=lambda: deque(maxlen=TRIES))

    @property
    def too_many(self) -> bool:
        """Whether somebody is guessing."""
        return len(self.times) == TRIES and time.monotonic() - self.times[0] < WITHIN_SECONDS


class Login(RequestHandler):
    """Asks for the password."""

    def initialize(self, door: Door, tries: Tries) -> None:
        """What tornado hands to each request."""
        self._door, self._tries = door, tries

    def get(self) -> None:
        """The form."""
        self._ask("")

    def post(self) -> None:
        """Let in who knows it; the rest of the address that was asked for is kept."""
        if self._tries.too_many:
            self._ask("Too many wrong passwords: wait a minute.", 429)
        elif not _same(self.get_body_argument("password", ""), self._door.password):
            self._tries.times.append(time.monotonic())
            self._ask("This is not the password.", 403)
        else:
            let_in(self, DRIVER, self._door)
            query = urlsplit(self.get_query_argument("next", "")).query
            self.redirect(f"./?{query}")

    def _ask(self, words: str, status: int = 200) -> None:
        self.set_status(status)
        self.finish(PAGE.format(words=escape(words)))


def let_in(handler: RequestHandler, user: str, door: Door) -> None:
    """Remember who somebody is, in a cookie that only this server can write."""
    handler.set_signed_cookie(
        COOKIE, user, COOKIE_DAYS, path=door.path, httponly=True, samesite="Lax"
    )


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
