"""Weights from files: of our networks, and of the authors' in their layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from reilab.nets.unet import N_SCALES
from reilab.torchfile import read_torch_file

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


#: Begins the names of the weights of a network of images, see ``FromStart``.
WRAPPED = "images."
#: What others put before the name of every weight.
WRAPPERS = ("module.", "_orig_mod.", "model.")
#: How the files of ``torch.save`` are called; the authors' end in ``.pth.tar``.
TORCH_SUFFIXES = (".pth.tar", ".tar", ".pth", ".pt")


def read_torch_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a file of ``torch.save``: ``{'state_dict': weights}``, or weights alone.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, or it holds anything but weights; nothing in it is run.
    """
    found = read_torch_file(path)
    weights = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(weights, dict) or not all(isinstance(t, Tensor) for t in weights.values()):
        raise ValueError(f"{path} holds no weights; needs {{'state_dict': …}} or a state dict")
    return unwrapped(weights)


def unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights without what compiling, or training on several devices, puts before each name."""
    found = dict(tensors)
    while wrapper := next(
        (w for w in WRAPPERS if found and all(n.startswith(w) for n in found)), ""
    ):
        found = {name.removeprefix(wrapper): tensor for name, tensor in found.items()}
    return found


def fill(network: nn.Module, tensors: Mapping[str, Tensor], source: Path) -> None:
    """Give a network its weights, under our names or the authors', strictly.

    Raises:
        ValueError: lists the missing, unexpected and mis-shaped names, as the file calls them.
    """
    own = network.state_dict()
    theirs = is_authors(tensors)
    given = used(tensors) if theirs else dict(tensors)
    name_of = {name: _name_in(given, name, theirs) for name in own}
    wanted = {name_of[name]: tensor for name, tensor in own.items()}
    shapes = [n for n in wanted.keys() & given.keys() if wanted[n].shape != given[n].shape]
    faults = {
        "missing": sorted(wanted.keys() - given.keys()),
        "unexpected": sorted(given.keys() - wanted.keys()),
        "of another shape": [_shapes(n, given[n], wanted[n]) for n in sorted(shapes)],
    }
    told = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in faults.items() if names)
    if told:
        raise ValueError(f"{source} does not fit this network: {told}")
    network.load_state_dict({name: given[name_of[name]] for name in own})


def _name_in(given: Mapping[str, Tensor], name: str, theirs: bool) -> str:
    """What a file calls a weight: networks of images may be stored without what wraps them."""
    bare = name.removeprefix(WRAPPED)
    if theirs:
        return authors_name(bare)
    wrapped = any(other.startswith(WRAPPED) for other in given)
    return name if wrapped else bare


def _shapes(name: str, given: Tensor, wanted: Tensor) -> str:
    return f"{name} {tuple(given.shape)} for {tuple(wanted.shape)}"
