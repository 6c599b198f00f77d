"""replay: steer a run as another one was, from its log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from reilab.events import Command, Event, Steered
from reilab.runs.drive import Live


def replay(run: Live, log: Iterable[Event]) -> Iterator[Event]:
    """The events of ``run``, which gets each command of ``log`` where it took effect there.

    With the configuration of the logged run, all events are equal to the logged ones (but for
    seconds, and for the order among methods).
    """
    waiting = [event for event in log if isinstance(event, Steered)]
    for event in run:
        yield event
        while command := _due(event, waiting):
            yield from run.steer(command)


def _due(event: Event, waiting: list[Steered]) -> Command | None:
    place = getattr(event, "method", None), getattr(event, "step", None)
    for index, steered in enumerate(waiting):
        if (steered.method, steered.step) == place:
            # The logged command may have gone to several methods; each has its own entry.
            return replace(waiting.pop(index).command, method=steered.method)
    return None
