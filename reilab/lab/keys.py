"""Keys: what each key of the keyboard does to a lab and its view."""

from __future__ import annotations

from collections.abc import Sequence

from reilab.lab.model import Lab
from reilab.lab.view import BLINK, DIFFERENCE, ERRORS, SWIPE, View

DIGITS = "123456789"
#: Of these the page itself takes care.
TOUR, HELP, WHOLE, TRAIN, LEAVE = "t", "?", "r", "g", "Escape"
OWN = (TOUR, HELP, WHOLE, TRAIN, LEAVE)
KEYS = (
    *(" ", "ArrowLeft", "ArrowRight", "Home", "End"),
    *DIGITS,
    *("e", "s", "b", "d", "p"),
    *OWN,
)


def press(key: str, lab: Lab, view: View, moments: Sequence[int], panes: Sequence[str]) -> None:
    """Do what a key stands for; one that stands for nothing does nothing.

    Args:
        key: as the browser calls it.
        lab: paused and continued.
        view: what is looked at.
        moments: the steps between which the arrows go.
        panes: the panes that the digits choose, in order.
    """
    match key:
        case " " if lab.live and not lab.hands.tied:
            lab.pause()
        case " ":
            view.play(moments)
        case "ArrowLeft":
            view.scrub(moments, -1)
        case "ArrowRight":
            view.scrub(moments, 1)
        case "Home":
            view.go_to(moments, 0)
        case "End":
            view.at = None
        case "e":
            view.toggle(ERRORS)
        case "s":
            view.compare(SWIPE)
        case "b":
            view.compare(BLINK)
        case "d":
            view.compare(DIFFERENCE)
        case "p":
            view.present = not view.present
        case digit if digit in DIGITS and int(digit) <= len(panes):
            view.toggle(panes[int(digit) - 1])
