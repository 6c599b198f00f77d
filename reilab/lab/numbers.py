"""Numbers as a person writes and reads them."""

from __future__ import annotations

from typing import Any


def number_text(value: Any) -> str:
    """A number as short as it can be; text as it is."""
    return value if isinstance(value, str) else f"{value:.10g}"


def parse_number(text: str) -> float | str:
    """A whole number, a number, or the text as it is: the settings say what is wrong with it."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def scaled_text(text: str, factor: float) -> str:
    """So many times the number that is written; the text as it is if it is none."""
    number = parse_number(text)
    return text if isinstance(number, str) else number_text(number * factor)
