"""Names of the weights in the files of the authors of EI and REI.

Their files hold five scales, of which the network uses four: ``Conv5``, ``Up5`` and ``Up_conv5``
are stored and never called, so they are left aside. All other names have one counterpart each in
``UNet``: theirs count the scales from the top, ours list the way down and the way up.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from reilab.nets.unet import N_SCALES

UNUSED = ("Conv5.", "Up5.", "Up_conv5.")


def is_authors(tensors: Mapping[str, Tensor]) -> bool:
    """Whether these weights have the authors' names."""
    return any(name.startswith("Conv1.") for name in tensors)


def used(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Their weights without those of the level that is never called."""
    return {name: t for name, t in tensors.items() if not name.startswith(UNUSED)}


def authors_name(own: str) -> str:
    """What the authors call a weight of ``UNet``, e.g. ``Up4.up.1.weight`` for ``up.0.0.weight``.

    Upsampling and convolution are one layer of ours and two of theirs, the first without weights.
    """
    part, *rest = own.split(".")
    if part == "last":
        return ".".join(("Conv_1x1", *rest))
    scale, layer, *kind = rest
    match part:
        case "down":
            return ".".join((f"Conv{int(scale) + 1}", "conv", layer, *kind))
        case "merge":
            return ".".join((f"Up_conv{N_SCALES - int(scale)}", "conv", layer, *kind))
        case _:
            return ".".join((f"Up{N_SCALES - int(scale)}", "up", str(int(layer) + 1), *kind))
