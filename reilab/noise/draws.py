"""Random numbers of noise: each generator draws for its own samples of a batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from reilab.key import Streams

#: Higher rates are not drawn: on GPUs the generator counts in 32 bits.
MOST_PHOTONS = 4e9


def mean(values: Tensor) -> Tensor:
    """The mean over all entries of each sample, (B,)."""
    return values.flatten(1).mean(1)


def normal_like(y: Tensor, rng: Streams) -> Tensor:
    """Independent N(0, 1) entries in the shape of y."""
    return _shared_out(
        lambda p, own: torch.randn(p.shape, generator=own, device=p.device, dtype=p.dtype), y, rng
    )


def uniform_like(y: Tensor, rng: Streams) -> Tensor:
    """Independent entries from [0, 1) in the shape of y."""
    return _shared_out(
        lambda p, own: torch.rand(p.shape, generator=own, device=p.device, dtype=p.dtype), y, rng
    )


def sign_like(y: Tensor, rng: Streams) -> Tensor:
    """Independent entries ±1 in the shape of y."""
    return torch.where(uniform_like(y, rng) < 0.5, -1.0, 1.0).to(y.dtype)


def exponential_like(y: Tensor, rng: Streams) -> Tensor:
    """Independent entries of mean 1 and density exp(−t), t > 0, in the shape of y."""
    return _shared_out(lambda p, own: torch.empty_like(p).exponential_(generator=own), y, rng)


def gamma_like(y: Tensor, shape: float | Tensor, rng: Streams) -> Tensor:
    """Independent entries of the gamma distribution of that shape and of scale 1, as y is."""
    # What torch.distributions draws with, which takes no generator; torch 2.6 and 2.14 have it.
    return _shared_out(
        lambda p, own: torch._standard_gamma(torch.ones_like(p) * shape, generator=own), y, rng
    )


def photons(rate: Tensor, rng: Streams) -> Tensor:
    """Poisson counts of the given rates; negative rates count as 0.

    Rates that are not finite, or beyond ``MOST_PHOTONS``, give NaN. The gradient of counts is 0.
    """
    # Torch would raise, on a GPU for good, or its integers overflow; NaN ends this method alone.
    rate = rate.clamp(min=0)
    countable = rate < MOST_PHOTONS
    counts = _shared_out(
        lambda p, own: torch.poisson(p, generator=own), rate.where(countable, 0), rng
    )
    return counts.where(countable, float("nan"))


def thinned(counts: Tensor, share: float, rng: Streams) -> Tensor:
    """How many of the counts (B, …) stay where each does with this chance, by itself.

    What is not a whole number is rounded; of what is not finite none stay.
    """
    # Torch would draw for ever.
    whole = counts.round().nan_to_num(0.0, 0.0, 0.0)
    return _shared_out(
        lambda p, own: torch.binomial(p, torch.full_like(p, share), generator=own), whole, rng
    )


def _shared_out(
    draw: Callable[[Tensor, torch.Generator], Tensor], batch: Tensor, rng: Streams
) -> Tensor:
    parts = torch.split(batch, len(batch) // len(rng))
    return torch.cat([draw(part, own) for part, own in zip(parts, rng, strict=True)])
