"""Checkpoints: a TrainState in one safetensors file, replaced whole or not at all.

After the position stands the CRC-32 of all that is in it; in files of older versions it does not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from reilab.disk import replacing
from reilab.nets.registry import NetworkSpec, described, from_description, is_registered
from reilab.nets.weights import fill
from reilab.plain import from_json, to_json
from reilab.training.gradient import interval_of, trained_parameters
from reilab.training.state import Best, TrainState

#: How these files end.
OWN_SUFFIX = ".safetensors"
SEAL = ', "crc32": "'


class DamagedError(ValueError):
    """A file is no checkpoint, or not as it was written."""


@dataclass(frozen=True)
class BestMark:
    """When a method was best so far, and its PSNR [dB] on the validation images then."""

    psnr: float
    step: int


@dataclass(frozen=True)
class Position:
    """All of a checkpoint but its tensors: method, step, and the numbers that can be steered.

    Checkpoints of older versions, and of networks without a name, do not tell their network; older
    ones stand between intervals.
    """

    method: str
    step: int
    weights: Mapping[str, float]
    learning_rate: float
    assumed_noise: float
    network: Mapping[str, Any] | None = None
    best: BestMark | None = None
    interval_seconds: float = 0.0


def save_checkpoint(state: TrainState, path: Path) -> None:
    """Write network, optimiser and position to ``path``, which outlives a power cut from then on.

    Raises:
        DiskError: the disk takes no more; what was at ``path`` still is.
    """
    tensors = {f"network.{name}": t for name, t in state.network.state_dict().items()}
    for index, slots in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": t for name, t in slots.items()}
    if state.interval.values:
        tensors["interval"] = state.interval.table()
    if state.best:
        tensors |= {f"best.{name}": tensor for name, tensor in state.best.tensors.items()}
    if state.multipliers:
        tensors["noise.theta"] = state.multipliers.theta
        tensors["noise.velocity"] = state.multipliers.velocity
    position = Position(
        method=state.method,
        step=state.step,
        weights=state.weights,
        learning_rate=state.learning_rate,
        assumed_noise=state.assumed_noise,
        network=described(state.spec) if is_registered(state.spec) else None,
        best=BestMark(state.best.psnr, state.best.step) if state.best else None,
        interval_seconds=state.interval.seconds,
    )
    _write({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, position, path)


def load_checkpoint(state: TrainState, path: Path) -> None:
    """Bring ``state`` to where ``path`` was saved.

    Raises:
        DamagedError: not a checkpoint, or not as it was written; the state is as it was.
        ValueError: of another method, or of another network; names what differs.
    """
    tensors, position = _read(path)
    if position.method != state.method:
        raise ValueError(f"{path} is a checkpoint of {position.method!r}, not {state.method!r}")
    fill(state.network, _part(tensors, "network."), path)
    parameters = trained_parameters(state.network)
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _part(tensors, "optimizer.").items():
        index, slot = name.split(".")
        slots.setdefault(int(index), {})[slot] = _laid_out_as(parameters[int(index)], tensor)
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": slots, "param_groups": groups})
    state.step = position.step
    state.weights = dict(position.weights)
    state.learning_rate = position.learning_rate
    state.assumed_noise = position.assumed_noise
    if state.multipliers:
        learned = _on(state, _part(tensors, "noise."))
        state.multipliers = replace(state.multipliers, **learned)  # type: ignore[arg-type]
        if "velocity" not in learned:
            state.multipliers.set_level(position.assumed_noise)
    mark = position.best
    best = _on(state, _part(tensors, "best."))
    state.best = Best(mark.psnr, mark.step, best) if mark else None
    table = tensors.get("interval", torch.empty(0)).to(state.gradient.device)
    # A step that was not finite left the weights as they were: who resumes fails over it no more.
    if table[..., :-1].isfinite().all():
        state.interval = interval_of(table.unbind(), position.interval_seconds)


def read_position(path: Path) -> Position:
    """The position of a checkpoint.

    Raises:
        DamagedError: not a checkpoint.
    """
    return _position(_opened(path)[0], path)


def network_in(path: Path) -> NetworkSpec | None:
    """What the network in a checkpoint is; ``None`` in those that do not say it.

    Raises:
        ValueError: not a checkpoint, or a network that is not known here.
    """
    plain = read_position(path).network
    return None if plain is None else from_description(plain)


def copy_checkpoint(source: Path, target: Path, change: Callable[[Position], Position]) -> None:
    """Write a checkpoint with the tensors of ``source`` and a changed position.

    Raises:
        ValueError: not a checkpoint.
    """
    tensors, position = _read(source)
    changed = change(position)
    if changed.assumed_noise != position.assumed_noise:
        # Without it, who learns the noise goes on from the level of the position.
        tensors.pop("noise.velocity", None)
    _write(tensors, changed, target)


def copy_network(source: Path, target: Path) -> None:
    """Write what ``source`` has of the network and its position, without the optimiser's part.

    Raises:
        ValueError: not a checkpoint.
    """
    tensors, position = _read(source)
    network = {name: t for name, t in tensors.items() if name.startswith("network.")}
    _write(network, replace(position, best=None), target)


def read_network(path: Path) -> tuple[dict[str, Tensor], str]:
    """The weights of the network in a checkpoint, and the method that trained it.

    Raises:
        ValueError: not a checkpoint.
    """
    tensors, position = _read(path)
    return _part(tensors, "network."), position.method


def _read(path: Path) -> tuple[dict[str, Tensor], Position]:
    text, tensors = _opened(path, with_tensors=True)
    position = _position(text, path)
    told, sealed, seal = text.rpartition(SEAL)
    if sealed and seal != f'{_crc32(tensors, told)}"}}':
        raise DamagedError(f"{path} is damaged: it is not what was written there")
    return tensors, position


def _opened(path: Path, with_tensors: bool = False) -> tuple[str, dict[str, Tensor]]:
    """What a file tells of its position, and its tensors if they are asked for."""
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys() if with_tensors else ()
            return file.metadata()["reilab"], {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise
    except (SafetensorError, KeyError, TypeError, OSError) as error:
        raise DamagedError(f"{path} is not a reilab checkpoint: {error}") from error


def _position(text: str, path: Path) -> Position:
    try:
        return from_json(Position, text, path)
    except ValueError as error:
        raise DamagedError(str(error)) from error


def _write(tensors: dict[str, Tensor], position: Position, path: Path) -> None:
    text = to_json(position).removesuffix("}")
    told = {"reilab": f'{text}{SEAL}{_crc32(tensors, text)}"}}'}
    path.parent.mkdir(exist_ok=True)
    with replacing(path, durable=True) as partial:
        # Written by safetensors, a file of its own would be left where this process is killed.
        partial.write_bytes(save(tensors, told))


def _crc32(tensors: Mapping[str, Tensor], text: str) -> str:
    """Of names, kinds, shapes and values, and of the position."""
    found = zlib.crc32(text.encode())
    for name, tensor in sorted(tensors.items()):
        found = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), found)
        found = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, found)
    return f"{found:08x}"


def _laid_out_as(parameter: Tensor, slot: Tensor) -> Tensor:
    """The fused optimiser walks through memory, so its slots need the strides of the parameter."""
    if slot.shape != parameter.shape:
        return slot
    return torch.empty_like(parameter, requires_grad=False).copy_(slot)


def _on(state: TrainState, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(state.gradient.device) for name, tensor in tensors.items()}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
