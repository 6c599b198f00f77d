"""Words and numbers as a person reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reilab.events import Command, SetAssumedNoise, SetLearningRate, SetWeight
from reilab.methods.registry import methods, weights
from reilab.record.history import History, Track


def number_text(value: Any) -> str:
    """A number as short as it can be; text as it is."""
    return value if isinstance(value, str) else f"{value:.10g}"


def parse_number(text: str) -> float | str:
    """A whole number, a number, or the text as it is: the settings say what is wrong with it.

    A comma may stand for the point, but where it may part thousands.
    """
    try:
        number = float(text if THOUSANDS.fullmatch(text.strip()) else text.replace(",", ".", 1))
    except ValueError:
        return text
    # Vast ones are no counts of anything, and as whole numbers no number format holds them.
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


#: 1,000 may be a thousand or one.
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")


def scaled_text(text: str, factor: float) -> str:
    """So many times the number that is written; the text as it is if it is none."""
    number = parse_number(text)
    return text if isinstance(number, str) else number_text(number * factor)


#: What belongs to no method.
NEUTRAL = "#808080"
#: Settings that are called by a letter.
LETTERS: Mapping[str, str] = {"sigma": "σ", "gamma": "γ"}


def method_title(name: str) -> str:
    """How a method is called on screen."""
    known = methods()
    return known[name].title if name in known else name


def method_colour(name: str) -> str:
    """The colour of a method wherever it appears; neutral if it is not known here."""
    known = methods()
    return known[name].colour if name in known else NEUTRAL


#: With less news than this, in shares, a group teaches nothing: what is left is rounding.
NO_NEWS = 1e-3


def group_text(group: str, news: float, image: str = "this image", moved: str = "one") -> str:
    """What a group can teach of what A does not see: the identifiability meter, in words.

    Args:
        group: its name, in the plural.
        news: how much of it leaves a trace in measurements of moved images, 0 to 1.
        image: of what image, or of which.
        moved: by how many of the group it is moved.
    """
    if news < NO_NEWS:
        return (
            f"{group.capitalize()} teach nothing here: the operator sees the same of an image that "
            "is moved by them. Choose another group."
        )
    return (
        f"Of what the operator does not see of {image}, it sees {news:.0%} when the image is moved "
        f"by {moved} of the {group}: that is what equivariance learns from."
    )


def risk_terms() -> frozenset[str]:
    """The loss terms whose values are to be read beside the true risk."""
    return frozenset(one.term for one in weights().values() if one.estimates_risk)


def in_order(history: History) -> list[str]:
    """The methods of a run, those that need ground truth last."""
    return sorted(history.tracks, key=lambda name: history.tracks[name].started.oracle)


def change_words(command: Command) -> str:
    """What a command changes."""
    match command:
        case SetWeight(term=term, value=value):
            return f"weight of {term} = {value:g}"
        case SetLearningRate(value=value):
            return f"learning rate = {value:g}"
        case SetAssumedNoise(value=value):
            return f"assumed noise = {value:g}"


def unread_words(history: History) -> list[str]:
    """What of a run's log could not be read: where it begins, and how much it is."""
    damaged = [one.reason for one in history.unread if not one.newer]
    newer = [one.reason for one in history.unread if one.newer]
    found = []
    for reasons in filter(None, (damaged, newer)):
        more = f", and so are {len(reasons) - 1} more lines" if len(reasons) > 1 else ""
        found.append(f"{reasons[0]}{more}")
    if history.stray:
        found.append(f"{history.stray} lines of the log are of methods whose start is not in it")
    return found


def believes(track: Track) -> bool:
    """Whether a method uses the assumed noise: it is in one of its terms as they are written."""
    known = {one.term: one.formula for one in weights().values()}
    return any("{noise}" in known.get(term, "{noise}") for term in track.started.weights)


def steering_log(history: History) -> list[str]:
    """What was changed while the run was going, at which step, for which methods."""
    found: dict[tuple[int, str], list[str]] = {}
    for name in in_order(history):
        track = history.tracks[name]
        for event in track.steered:
            names = found.setdefault((event.step, change_words(event.command)), [])
            if not isinstance(event.command, SetAssumedNoise) or believes(track):
                names.append(method_title(name))
    return [
        f"Step {step}: {change} ({', '.join(names) or 'no method of this run uses it'})"
        for (step, change), names in sorted(found.items())
    ]
