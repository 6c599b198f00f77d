"""Ticks: round numbers along an axis."""

from __future__ import annotations

import math

ROUND = (1.0, 2.0, 5.0, 10.0)
MOST_DECADES = 6


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most so many multiples of 1, 2 or 5 times a power of ten, from ``low`` to ``high``."""
    if not high > low:
        return [low]
    least = (high - low) / most
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * factor for factor in ROUND if power * factor >= least * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two positive numbers; 2 and 5 times them where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = -(-(last - first) // MOST_DECADES) or 1
    factors = (1.0, 2.0, 5.0) if last - first <= 2 else (1.0,)
    powers = range(first, last + 1, every)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    found = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    return found if len(found) > 1 else linear_ticks(low, high, 4)


def tick_text(value: float, most: float = 1e6) -> str:
    """A number of an axis, without noise in its last digits; thousands have blanks.

    From ``most`` on, and below a thousandth, it has a power of ten.
    """
    if value and not 1e-3 <= abs(value) < most:
        return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.6g}".replace(",", "\u202f")
