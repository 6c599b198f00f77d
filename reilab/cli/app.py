"""reilab app: the lab in a browser; the one command that needs the packages of its page."""

from __future__ import annotations

from reilab.lab.page import serve
from reilab.record.folder import runs_root


def serve_app(port: int = 5006, open: bool = True) -> None:
    """Serve the lab at http://127.0.0.1:PORT.

    Args:
        port: on 127.0.0.1.
        open: a browser.
    """
    serve(port, runs_root(), open)
