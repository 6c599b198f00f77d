"""reilab app: the lab in a browser; the one command that needs the packages of its page."""

from __future__ import annotations

import errno
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from reilab.cli.terminal import console
from reilab.datasets.store import data_root
from reilab.lab.door import Door
from reilab.lab.page import serve
from reilab.record.folder import runs_root

PASSWORD = "REILAB_PASSWORD"
SHORTEST = 8
PORTS = range(1, 65536)


def serve_app(
    port: int = 5006,
    open: bool = True,
    address: str = "127.0.0.1",
    allow_origin: tuple[str, ...] = (),
    prefix: str = "",
    password_file: Path | None = None,
) -> None:
    """Serve the lab at http://127.0.0.1:PORT, or to others, who give a password.

    The password is what REILAB_PASSWORD or a file says. Beyond this machine one is made up and
    printed where neither does; docs/safety.md tells how to serve a class.

    Args:
        port: at which it listens.
        open: a browser.
        address: at which it listens; 0.0.0.0 for every one that this machine has.
        allow_origin: further hosts by which browsers know the lab, as behind a proxy:
            lab.example.org, or lab.example.org:8443.
        prefix: the path at which a proxy has it, as /lab.
        password_file: a file whose first line is the password.
    """
    _check_free(address, port)
    door, password = Door(address, port, prefix, allow_origin), _password(password_file)
    made = "" if password or door.is_local else secrets.token_urlsafe(12)
    if password or made:
        word = secrets.token_urlsafe(12)
        door = replace(door, password=password or made, watch=word)
    if door.password or door.origins:
        door = replace(door, folders=data_root())
    _tell(door, made)
    serve(door, runs_root(), open and door.is_local)


def _check_free(address: str, port: int) -> None:
    """See that nobody else listens there.

    Raises:
        ValueError: somebody does, or nobody can; names a port that is free.
    """
    if port not in PORTS:
        raise ValueError(f"port = {port} is none; choose one from {PORTS[0]} to {PORTS[-1]}")
    try:
        _try(address, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise ValueError(
                f"nothing can listen at {address}, port {port}: {error.strerror}"
            ) from None
        raise ValueError(f"port = {port} is in use; {_free_after(address, port)}") from None


def _free_after(address: str, port: int) -> str:
    for other in PORTS[port:]:
        with suppress(OSError):
            _try(address, other)
            return f"the next free one is {other}: reilab app --port {other}"
    return "choose one below it"


def _try(address: str, port: int) -> None:
    """Raise ``OSError`` if nobody can listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    socket.create_server((address, port), family=family).close()


def _password(file: Path | None) -> str:
    """What the file says, or the environment; empty if neither does.

    Raises:
        ValueError: it is too short to keep anybody out.
    """
    if file is None and PASSWORD not in os.environ:
        return ""
    lines = file.read_text(encoding="utf-8").splitlines() if file else [os.environ[PASSWORD]]
    password = lines[0].strip() if lines else ""
    if len(password) < SHORTEST:
        where = file or PASSWORD
        raise ValueError(f"the password in {where} must have at least {SHORTEST} characters")
    return password


def _tell(door: Door, made: str) -> None:
    """Print where the lab is, and how one is let in."""
    out = console()
    out.print(f"The lab is at {door.url}", soft_wrap=True)
    if made:
        out.print(f"Password, for this time: {made}  ({PASSWORD} sets one)")
    if door.password:
        out.print(f"To watch alone: {door.url}?watch={door.watch}", soft_wrap=True)
    elif door.origins:
        out.print(f"Whoever reaches it there drives it, unless {PASSWORD} sets a password.")
