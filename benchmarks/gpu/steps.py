"""One REI step of each task at the paper's size: ours, the authors' written plainly, deepinv's."""

from __future__ import annotations

import gc
import importlib.util
import time
from collections.abc import Mapping

import torch
from torch import nn

from benchmarks.gpu.contest import (
    MODES,
    PLACES,
    Contender,
    Mode,
    compete,
    contender,
    in_mode,
    posed,
)
from benchmarks.gpu.part import Setup
from benchmarks.measure import Action, Table, ratio, synchronize
from reilab.training.state import PRECISIONS

#: Who takes part, in which modes.
FIELD = (
    ("ours", "float32"),
    ("ours", "TF32"),
    ("ours", "bfloat16"),
    ("ours", "bfloat16, searched"),
    ("plain", "float32"),
    ("plain", "TF32"),
    ("deepinv", "float32"),
    ("deepinv", "TF32"),
)
#: On a CPU there is no TF32, and half precision is slow.
SMALL_FIELD = (
    ("ours", "float32"),
    ("ours", "bfloat16"),
    ("plain", "float32"),
    ("deepinv", "float32"),
)
#: Whom a mode is compared with.
RIVALS = {"float32": "float32"}
NOTE = """One optimiser step of REI with torch's layers, U-Net of width {width}. *plain* is the
authors' formulation (`benchmarks/plain.py`), *deepinv* its operators and losses. Milliseconds are
medians over turns in one process; the two ratios are to *plain* and to *deepinv* in float32 for
the rows of float32, in TF32 for all others. Memory is the most that tensors hold in a step,
operator and images counted with ours. TFLOP/s are those of the convolutions of the step by their
definition; the limit is the rate of one large convolution with its gradients in the same number
format. Busy is the time that the card works, by the profiler, over the time of the step; waits are
those of the host within one step."""
COLUMNS = ["task", "form", "format", "ms per step", "range", "plain / it", "deepinv / it"]
COLUMNS += ["memory [MB]", "TFLOP/s", "of the limit", "launches", "waits", "busy"]


def run(setup: Setup) -> None:
    """The card's rates, then every task."""
    limits = measure_limits(setup)
    setup.begin("The step", NOTE.format(width=8 if setup.small else 64), COLUMNS)
    began, seconds = time.time(), setup.left()
    for place, task in enumerate(PLACES, start=1):
        with setup.attempt(f"the step of {task}"):
            until = began + seconds * place / len(PLACES)
            tell(setup, task, contest(setup, task, until), limits)
        # A problem's operator goes before the next one comes.
        gc.collect()


def contest(setup: Setup, task: str, until: float) -> dict[str, Contender]:
    """All forms of one task, measured."""
    case, problem, shared = posed(setup, task)
    found: dict[str, Contender] = {}
    for form, mode in SMALL_FIELD if setup.small else FIELD:
        if time.time() > until:
            setup.fail(f"{task}, {form}, {mode}", "no time was left for it")
            continue
        if form == "deepinv" and not importlib.util.find_spec("deepinv"):
            continue
        with setup.attempt(f"{task}, {form}, {mode}"):
            own = shared if form == "ours" else 0.0
            found[f"{form} {mode}"] = contender(setup, form, mode, case, problem, own)
    if found:
        compete(setup, found, until)
    return found


def tell(
    setup: Setup, task: str, found: Mapping[str, Contender], limits: Mapping[str, float]
) -> None:
    """A row for each form."""
    for one in found.values():
        cells = [task, one.form, one.mode, f"{1000 * one.median:.2f}"]
        cells.append(f"{1000 * min(one.seconds):.2f}–{1000 * max(one.seconds):.2f}")
        for other in ("plain", "deepinv"):
            rival = found.get(f"{other} {RIVALS.get(one.mode, 'TF32')}")
            cells.append(f"{ratio(rival.seconds, one.seconds):.2f}" if rival else "")
        cells.append("" if one.megabytes is None else f"{one.megabytes:.0f}")
        rate = one.gigaflop / one.median / 1000
        cells += [f"{rate:.2f}", f"{rate / limits[one.mode]:.0%}", str(one.anatomy.launches)]
        cells.append("" if one.anatomy.waits is None else str(one.anatomy.waits))
        busy = one.anatomy.busy
        setup.row([*cells, "" if busy is None else f"{busy / one.median:.0%}"])


def measure_limits(setup: Setup) -> dict[str, float]:
    """TFLOP/s of a large convolution with its gradients, by mode; a product of matrices beside."""
    rows, limits = [], {}
    for name, mode in MODES.items():
        limits[name] = convolution_rate(setup, mode)
        rows.append([name, f"{limits[name]:.2f}", f"{product_rate(setup, mode):.2f}"])
    size = "tiny ones" if setup.small else "16 images of 64² in 256 channels, matrices of 8192²"
    note = f"Measured rates in TFLOP/s: {size}, random numbers."
    setup.tell(
        "\n#" + Table("The card", note, ["format", "convolution", "product"], rows).markdown()
    )
    return limits


def convolution_rate(setup: Setup, mode: Mode) -> float:
    """TFLOP/s of a 3×3 convolution forward and backward, channels last."""
    channels, batch, side = (16, 2, 16) if setup.small else (256, 16, 64)
    dtype = PRECISIONS[mode.precision] or torch.float32
    rng = torch.Generator(setup.device).manual_seed(0)
    x = torch.randn(batch, channels, side, side, device=setup.device, generator=rng)
    layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False, device=setup.device)
    layer = layer.to(dtype).to(memory_format=torch.channels_last)
    x = x.to(dtype, memory_format=torch.channels_last).requires_grad_()

    def action() -> None:
        with in_mode(mode):
            y = layer(x)
            y.backward(y.detach())

    return 3 * 2 * 9 * channels**2 * batch * side**2 / seconds_of(action) / 1e12


def product_rate(setup: Setup, mode: Mode) -> float:
    """TFLOP/s of a product of two square matrices, TF32 where convolutions have it."""
    size = 256 if setup.small else 8192
    dtype = PRECISIONS[mode.precision] or torch.float32
    rng = torch.Generator(setup.device).manual_seed(0)
    a, b = torch.randn(2, size, size, device=setup.device, generator=rng).to(dtype).unbind()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if mode.tf32 else "highest")
    try:
        return 2 * size**3 / seconds_of(lambda: a @ b) / 1e12
    finally:
        torch.set_float32_matmul_precision(before)


def seconds_of(action: Action, count: int = 10) -> float:
    """Mean seconds of an action among several in a row."""
    for _ in range(3):
        action()
    synchronize()
    began = time.perf_counter()
    for _ in range(count):
        action()
    synchronize()
    return (time.perf_counter() - began) / count
