"""What all tests in a browser share: Chromium without its own errands, and patience."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs a Chromium browser; try: apt-get install chromium"
    ),
]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def until(reached: Callable[[], bool], what: str, patience_seconds: float) -> None:
    """Wait for something that no browser event tells of."""
    deadline = time.monotonic() + patience_seconds
    while not reached():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)
