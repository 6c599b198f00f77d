"""drive: the one loop that pulls a run, shows its events to sinks, and obeys what people ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

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
PAUSE_POLL_SECONDS = 0.05


class Live(Protocol):
    """A run that goes on when it is pulled, and is at rest between two of its events."""

    def __iter__(self) -> Iterator[Event]: ...

    def __next__(self) -> Event: ...

    def steer(self, command: Command) -> Sequence[Event]:
        """Obey a command, and answer it; nothing yet if it waits for an event to come."""
        ...

    def look(self) -> Sequence[Event]:
        """What every method at work makes of the test images now; it changes none of them."""
        ...

    def untold(self) -> bool:
        """Whether something has happened, or been asked for, that no event has told of yet."""
        ...


def nobody() -> list[Command | Control]:
    """The inbox of a run that nobody steers."""
    return []


def drive(run: Live, *sinks: Sink, inbox: Inbox = nobody) -> None:
    """Pull ``run`` to its end or until ``Stop`` comes in; every event goes to every sink, in order.

    But for ``Ticked``, of which there is nothing to tell: it is a moment to look into the inbox.

    Commands take effect between two events, those that came before ``Stop`` too. While paused
    nothing is pulled, but for methods that are a step behind the others, and ``Step`` lets each go
    on until all have taken the next step. What they make of the test images is shown then, and as
    soon as all stand still.
    """
    desk = _Desk(run, sinks)
    for event in run:
        desk.tell(event)
        if not run.untold() and desk.is_to_stop(inbox):
            while run.untold():
                desk.tell(next(run))
            desk.show(Stopped())
            return


@dataclass
class _Desk:
    """What has been asked of a run and is not yet done."""

    run: Live
    sinks: tuple[Sink, ...]
    #: The step at which each method at work stands.
    at: dict[str, int] = field(default_factory=dict)
    #: The step to which all of them go on, and how many more were asked for.
    goal: int | None = None
    turns: int = 0
    paused: bool = False

    def show(self, event: Event) -> None:
        """Give an event to all sinks."""
        for sink in self.sinks:
            sink(event)

    def tell(self, event: Event) -> None:
        """Show an event of the run, and note where it leaves its method."""
        if not isinstance(event, Ticked):
            self.show(event)
        match event:
            case Started() | Stepped() | Ticked():
                self.at[event.method] = event.step
            case Finished() | Failed():
                self.at.pop(event.method, None)

    def look(self) -> None:
        """Show where all methods stand."""
        for event in self.run.look():
            self.show(event)

    def is_to_stop(self, inbox: Inbox) -> bool:
        """Sort what has come in; wait while paused. True as soon as the run is to stop."""
        while True:
            for message in inbox():
                if isinstance(message, Stop):
                    return True
                self._take(message)
            if self.goal is not None and all(step >= self.goal for step in self.at.values()):
                self.goal = None
                self.look()
            if self.turns and not self.at:
                return False
            if self.turns and self.goal is None:
                self.turns -= 1
                self.goal = min(self.at.values()) + 1
            if not self.paused or self.goal is not None:
                return False
            time.sleep(PAUSE_POLL_SECONDS)

    def _level(self) -> int | None:
        """The step that methods come to which take turns; none if they are not side by side."""
        steps = set(self.at.values())
        return max(steps) if steps and max(steps) - min(steps) <= 1 else None

    def _take(self, message: Command | Control) -> None:
        match message:
            case Pause() if not self.paused:
                self.paused = True
                self.show(Paused())
                self.goal = self._level()
                if self.goal is None:
                    self.look()
            case Continue() if self.paused:
                self.paused, self.turns, self.goal = False, 0, None
                self.show(Continued())
            case Step() if self.paused:
                self.turns += 1
            case Pause() | Continue() | Step() | Stop():
                pass
            case command:
                for answer in self.run.steer(command):
                    self.show(answer)


def replay(run: Live, log: Iterable[Event]) -> Iterator[Event]:
    """The events of ``run``, which gets each command of ``log`` where it took effect there.

    With the configuration of the logged run, all events are equal to the logged ones (but for
    seconds, and for the order among methods).
    """
    waiting = [event for event in log if isinstance(event, Steered)]
    for event in run:
        yield event
        while command := due(event, waiting):
            yield from run.steer(command)


def due(reached: object, waiting: list[Steered]) -> Command | None:
    """The first of the commands that wait for this event or state; it waits no longer."""
    place = getattr(reached, "method", None), getattr(reached, "step", None)
    for index, steered in enumerate(waiting):
        if (steered.method, steered.step) == place:
            # The logged command may have gone to several methods; each has its own entry.
            return replace(waiting.pop(index).command, method=steered.method)
    return None
