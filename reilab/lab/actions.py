"""Actions: what can be done with the run that is shown, and what stands in the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from reilab.lab.model import Lab
from reilab.lab.titles import WORDS
from reilab.lab.view import View


@dataclass(frozen=True)
class Action:
    """Something that a person may do now; it is not ``shown`` when it makes no sense."""

    name: str
    label: str
    shown: bool
    act: Callable[[], None]


def actions(lab: Lab, look: View) -> tuple[Action, ...]:
    """All actions in the order of their buttons, as they are now; who only watches sees none."""
    at_work = lab.live or lab.queued
    step = lab.fork_step(look.at)

    def branch() -> None:
        lab.fork(look.at)
        look.at = None

    found = (
        Action("train", "Train", not at_work, lab.train),
        Action("new run", "New run", at_work, lab.close),
        Action("resume", "Resume", lab.resumable, lab.resume),
        Action("pause", "Continue" if lab.paused else "Pause", lab.live, lab.pause),
        Action("step", "Step", lab.live and lab.paused, lab.step),
        Action("stop", "Stop", at_work, lab.stop),
        Action(
            "fork", "Fork" if step is None else f"Fork at step {step}", step is not None, branch
        ),
    )
    return tuple(replace(one, shown=one.shown and not lab.hands.tied) for one in found)


def attempt(action: Callable[[], object]) -> str:
    """Act; in words what stood in the way, or nothing."""
    try:
        action()
    except (ValueError, RuntimeError, OSError) as error:
        return str(error)
    return ""


def press(lab: Lab, look: View, name: str) -> str:
    """Do what a button says, if it may be done now; in words what stood in the way, or nothing.

    The second click of a double click comes when the first one has been heard.
    """
    offered = {one.name: one for one in actions(lab, look) if one.shown}
    return attempt(offered[name].act) if name in offered else ""


def complaints(lab: Lab) -> list[str]:
    """What is wrong with the run that is shown, or with the last change to it."""
    found = [*lab.troubles, lab.message if lab.live else ""]
    if lab.resumable and lab.standing.reason:
        found.append(f"{WORDS[lab.standing.status]}. {lab.standing.reason}")
        found.append("Resume goes on from the last saved step.")
    return [line for line in found if line]
