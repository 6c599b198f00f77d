"""replay: steer a run as another one was, from its log."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from reilab.events import Command, Event, Steered


def replay(run: Generator[Event, Command | None, None], log: Iterable[Event]) -> Iterator[Event]:
    """The events of ``run``, sending each command of ``log`` where it took effect there.

    With the configuration of the logged run, all events are equal to the logged ones (but for
    seconds, and for the order among methods).
    """
    waiting = [event for event in log if isinstance(event, Steered)]
    command: Command | None = None
    while True:
        try:
            event = run.send(command) if command else next(run)
        except StopIteration:
            return
        yield event
        command = _due(event, waiting)


def _due(event: Event, waiting: list[Steered]) -> Command | None:
    place = getattr(event, "method", None), getattr(event, "step", None)
    for index, steered in enumerate(waiting):
        if (steered.method, steered.step) == place:
            # The logged command may have gone to several methods; each has its own entry.
            return replace(waiting.pop(index).command, method=steered.method)
    return None
