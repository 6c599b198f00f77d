"""Pulse: something that is done again and again between the cells of a notebook."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class NotebookPulse:
    """Calls ``beat`` every so many seconds on the running loop, until it is stopped.

    A cell that computes keeps the loop, and so the pulse, waiting until it ends; nothing is lost.

    Raises:
        RuntimeError: no event loop is running here; in a notebook there always is one.
    """

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat, self._seconds = beat, seconds
        self._task = asyncio.get_running_loop().create_task(self._go(), name="reilab-lab")

    def stop(self) -> None:
        """Beat no more."""
        self._task.cancel()

    async def _go(self) -> None:
        while True:
            self._beat()
            await asyncio.sleep(self._seconds)
