"""drive: the one loop that pulls a run, shows its events to sinks, and obeys what people ask."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field

from reilab.events import (
    Command,
    Continue,
    Continued,
    Control,
    Event,
    Failed,
    Finished,
    Pause,
    Paused,
    Posed,
    Refused,
    Started,
    Steered,
    Step,
    Stepped,
    Stop,
    Stopped,
    Ticked,
)

Sink = Callable[[Event], None]
#: Gives the messages that have come in since it was last asked.
Inbox = Callable[[], Iterable[Command | Control]]
Run = Generator[Event, Command | None, None]

PAUSE_POLL_SECONDS = 0.05
#: Events that come before a run moves on; answers to commands are among them.
BEFORE_MOVING = (Posed, Started, Steered, Refused)


def nobody() -> list[Command | Control]:
    """The inbox of a run that nobody steers."""
    return []


def drive(run: Run, *sinks: Sink, inbox: Inbox = nobody) -> None:
    """Pull ``run`` to its end or until ``Stop`` comes in; every event goes to every sink, in order.

    But for ``Ticked``, of which there is nothing to tell: it is a moment to look into the inbox.

    Commands are sent one per event; those that came before ``Stop`` are obeyed first. While paused
    nothing is pulled, but ``Step`` lets each method go on to its next ``Stepped``.
    """
    desk = _Desk(run, sinks)
    while (event := desk.pull()) is not None:
        if desk.is_to_stop(inbox):
            if desk.settle(event):
                run.close()
                desk.show(Stopped())
            return


@dataclass
class _Desk:
    """What has been asked of a run and is not yet done."""

    run: Run
    sinks: tuple[Sink, ...]
    commands: deque[Command] = field(default_factory=deque)
    at_work: set[str] = field(default_factory=set)
    #: Methods that have not yet taken the turn that ``Step`` gave them.
    stepping: set[str] = field(default_factory=set)
    turns: int = 0
    paused: bool = False

    def show(self, event: Event) -> None:
        """Give an event to all sinks."""
        for sink in self.sinks:
            sink(event)

    def pull(self) -> Event | None:
        """The next event, shown, after the next command has been sent; ``None`` at the end."""
        try:
            event = self.run.send(self.commands.popleft()) if self.commands else next(self.run)
        except StopIteration:
            return None
        if not isinstance(event, Ticked):
            self.show(event)
        match event:
            case Started(method=method):
                self.at_work.add(method)
                if self.stepping:
                    self.stepping.add(method)
            case Stepped(method=method):
                self.stepping.discard(method)
            case Finished(method=method) | Failed(method=method):
                self.at_work.discard(method)
                self.stepping.discard(method)
        return event

    def is_to_stop(self, inbox: Inbox) -> bool:
        """Sort what has come in; wait while paused. True as soon as the run is to stop."""
        while True:
            for message in inbox():
                if isinstance(message, Stop):
                    return True
                self._take(message)
            if self.turns and not self.at_work:
                return False
            if self.turns and not self.stepping:
                self.turns -= 1
                self.stepping = set(self.at_work)
            if not self.paused or self.stepping:
                return False
            time.sleep(PAUSE_POLL_SECONDS)

    def settle(self, event: Event | None) -> bool:
        """Let what was asked before ``Stop`` be answered; False if the run comes to its end."""
        asked = bool(self.commands) or isinstance(event, Steered | Refused)
        while self.commands or (asked and isinstance(event, BEFORE_MOVING)):
            event = self.pull()
            if event is None:
                return False
        return True

    def _take(self, message: Command | Control) -> None:
        match message:
            case Pause() if not self.paused:
                self.paused = True
                self.show(Paused())
            case Continue() if self.paused:
                self.paused, self.turns, self.stepping = False, 0, set()
                self.show(Continued())
            case Step() if self.paused:
                self.turns += 1
            case Pause() | Continue() | Step() | Stop():
                pass
            case command:
                self.commands.append(command)
