"""Beat: at which polls of a session its page is shown anew, and at which the runs are listed."""

from __future__ import annotations

#: The browser lays the page out anew each time; more often only makes numbers flicker.
POLLS_PER_SHOW = 4
#: Look for runs that others have started, and start what waits, once in so many polls.
POLLS_PER_LISTING = 20


class Beat:
    """Counts the polls of a session; a browser that lags behind is shown what is new less often."""

    def __init__(self) -> None:
        self._polls, self._shown = 0, -POLLS_PER_SHOW
        #: How many times as long to wait between two shows.
        self.slower = 1

    def count(self) -> None:
        """One poll is over."""
        self._polls += 1

    @property
    def lists(self) -> bool:
        """Whether it is time to look for other runs."""
        return self._polls % POLLS_PER_LISTING == 0

    def shows(self) -> bool:
        """Whether it is time to show what is new; if so, it is taken as shown."""
        due = self._polls - self._shown >= POLLS_PER_SHOW * self.slower
        if due:
            self._shown = self._polls
        return due
