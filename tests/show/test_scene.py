"""The scale that error maps share: its end is a round number, and shows nearly all errors."""

from __future__ import annotations

import numpy as np
import pytest

from reilab.show.scene import SCALE_ENDS, Values, scale_end

SIDE = 64


def errors(level: float, share: float = 0.0, high: float = 0.9) -> Values:
    """Errors of an image, all alike but for a share of them that are high."""
    found = np.full((SIDE, SIDE), level, np.float32)
    # Of what is looked at, every fourth row and column.
    seen = found[::4, ::4]
    seen.flat[: round(share * seen.size)] = high
    found[::4, ::4] = seen
    return found


@pytest.mark.parametrize(
    ("maps", "end"),
    [
        ([errors(0.04)], 0.05),
        ([errors(0.05)], 0.05),
        ([errors(0.04, share=0.008)], 0.05),
        ([errors(0.04, share=0.02)], 1.0),
        ([errors(0.004), errors(0.15)], 0.2),
        ([errors(0.15), errors(0.004)], 0.2),
        ([errors(3.0)], 1.0),
        ([errors(np.nan)], 1.0),
        ([errors(0.0)], 0.01),
    ],
)
def test_the_scale_shows_nearly_all_errors_of_the_worst_image(
    maps: list[Values], end: float
) -> None:
    assert scale_end(maps) == end


@pytest.mark.parametrize("seed", range(4))
def test_no_shorter_scale_shows_99_of_100_errors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = [abs(rng.normal(0, 0.1 * rng.random(), (SIDE, SIDE))) for _ in range(3)]
    end = scale_end(maps)

    def shown(end: float) -> float:
        """The least share of the errors of any of them, of all pixels."""
        return min(float((one <= end).mean()) for one in maps)

    assert shown(end) >= 0.98
    assert all(shown(less) < 0.995 for less in SCALE_ENDS if less < end)
