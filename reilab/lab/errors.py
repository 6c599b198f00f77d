"""Errors: how far images are from the ground truth, pixel by pixel, on one shared scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from reilab.lab.moments import Shot, Values

#: The shared scale of the error maps ends at one of these, so that it seldom changes.
SCALE_ENDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SHOWN_SHARE = 0.99


def error_map(image: Values, truth: Values) -> Values:
    """Absolute error (H, W), averaged over the channels."""
    error: Values = np.abs(np.asarray(image, np.float32) - np.asarray(truth, np.float32))
    return error[..., 0] if error.shape[-1] == 1 else error.mean(-1)


def error_maps(shots: Sequence[Shot], span: float) -> dict[str, Values]:
    """Error maps by key as shares of the value range ``span``, of those with a ground truth."""
    return {
        shot.key: error_map(shot.image, shot.truth) / span
        for shot in shots
        if shot.truth is not None
    }


def scale_end(errors: list[Values]) -> float:
    """Where a scale ends that shows nearly all of these errors."""
    # Every fourth row and column tell as much, in a fraction of the time.
    shares = np.quantile(np.stack([error[::4, ::4] for error in errors]), SHOWN_SHARE, axis=(1, 2))
    most = float(shares.max())
    return next((end for end in SCALE_ENDS if most <= end), SCALE_ENDS[-1])


def shared_end(shots: Sequence[Shot], errors: Mapping[str, Values]) -> float:
    """Where the scale of all error maps ends; 0 if there are none."""
    # What A†y misses would drown the differences between the methods.
    judged = [errors[shot.key] for shot in shots if shot.judged and shot.key in errors]
    return scale_end(judged or list(errors.values())) if errors else 0.0
