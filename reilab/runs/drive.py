"""drive: the one loop that pulls a run, shows its events to sinks, and obeys what people ask."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable

from reilab.events import Command, Continue, Continued, Control, Event, Pause, Paused, Stop, Stopped

Sink = Callable[[Event], None]
#: Gives the messages that have come in since it was last asked.
Inbox = Callable[[], Iterable[Command | Control]]

PAUSE_POLL_SECONDS = 0.05


def nobody() -> list[Command | Control]:
    """The inbox of a run that nobody steers."""
    return []


def drive(run: Generator[Event, Command | None, None], *sinks: Sink, inbox: Inbox = nobody) -> None:
    """Pull ``run`` to its end or until ``Stop`` comes in; every event goes to every sink, in order.

    Commands are sent one per event. While paused nothing is pulled.
    """
    commands: deque[Command] = deque()
    event: Event | None = next(run, None)
    while event is not None:
        _show(event, sinks)
        if _obey(inbox, commands, sinks):
            run.close()
            _show(Stopped(), sinks)
            return
        try:
            event = run.send(commands.popleft()) if commands else next(run)
        except StopIteration:
            event = None


def _obey(inbox: Inbox, commands: deque[Command], sinks: tuple[Sink, ...]) -> bool:
    """Sort what has come in; wait while paused. True if the run is to stop."""
    paused = False
    while True:
        for message in inbox():
            match message:
                case Stop():
                    return True
                case Pause() if not paused:
                    paused = True
                    _show(Paused(), sinks)
                case Continue() if paused:
                    paused = False
                    _show(Continued(), sinks)
                case Pause() | Continue():
                    pass
                case command:
                    commands.append(command)
        if not paused:
            return False
        time.sleep(PAUSE_POLL_SECONDS)


def _show(event: Event, sinks: tuple[Sink, ...]) -> None:
    for sink in sinks:
        sink(event)
