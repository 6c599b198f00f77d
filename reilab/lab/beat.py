"""Beat: at which polls of a session its page is shown anew, and at which the runs are listed."""

from __future__ import annotations

#: The browser lays the page out anew each time; more often only makes numbers flicker.
POLLS_PER_SHOW = 4
#: Look for runs that others have started, and start what waits, once in so many polls.
POLLS_PER_LISTING = 20
#: A browser that has not told by then that it has drawn lost the question, or is hidden.
POLLS_OF_PATIENCE = 50


class Beat:
    """Counts polls, and holds back what a browser that lags behind would only pile up."""

    def __init__(self) -> None:
        self._polls = 0
        self._asked: int | None = None

    def count(self) -> None:
        """One poll is over."""
        self._polls += 1

    @property
    def lists(self) -> bool:
        """Whether it is time to look for other runs."""
        return self._polls % POLLS_PER_LISTING == 0

    @property
    def shows(self) -> bool:
        """Whether it is time to show what is new, and the browser has drawn the last of it."""
        lags = self._asked is not None and self._polls - self._asked < POLLS_OF_PATIENCE
        return self._polls % POLLS_PER_SHOW == 0 and not lags

    def asked(self) -> None:
        """The browser was sent something to draw, and asked to tell when it has."""
        self._asked = self._polls

    def drawn(self) -> None:
        """The browser has drawn all that it was sent."""
        self._asked = None
