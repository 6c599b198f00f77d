"""How near the step is to what the machine can multiply. ``python -m benchmarks.limit``"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cases import prepare
from benchmarks.measure import Action, Table, in_turns

NOTE = """Multiplications and additions of the convolutions of one REI step (batch 2) by their
definition (enlarging and convolving is one operation, which takes 4/9 of the two), the rate that
the step carries them out at, and the rate of a product of two 2048² matrices measured in turns with
it; above 1 where Winograd's convolutions need fewer. The last columns say where the time of the
step goes, by torch's profiler."""

#: Which part of a step an operation belongs to, by the beginning of its name; the first that fits.
PARTS = {
    "convolutions": (
        "Winograd",
        "aten::convolution_backward",
        "aten::mkldnn_convolution",
        "aten::_convolution",
        "aten::cudnn_convolution",
        "aten::conv_transpose2d",
        "aten::slow_conv",
    ),
    "BatchNorm": ("aten::native_batch_norm", "aten::cudnn_batch_norm", "aten::batch_norm"),
    "ReLU": ("aten::threshold_backward", "aten::clamp_min", "aten::relu"),
    "pooling, joining": ("aten::max_pool", "aten::cat", "aten::upsample"),
    "operators": ("aten::addmm", "aten::_fft", "aten::fft", "aten::index", "aten::grid_sampler"),
}


def measure(rounds: int = 5) -> Table:
    """The paper's network at 256², and that of the ``quick`` presets."""
    places = [(task, "256", "64") for task in ("mri", "inpainting", "ct")]
    places += [("mri", "80", "16"), ("inpainting", "64", "16"), ("ct", "80", "16")]
    rows = [row(words, rounds if words[2] == "16" else 2) for words in places]
    columns = ["task", "side", "width", "GFLOP", "step [GFLOP/s]", "matrices [GFLOP/s]", "ratio"]
    return Table("The limit", NOTE, [*columns, *PARTS, "the rest"], rows)


def row(words: tuple[str, str, str], rounds: int) -> list[str]:
    """One task, size and width."""
    print("limit", *words, file=sys.stderr, flush=True)
    step = prepare("ours", *words)
    a, b = torch.rand(2, 2048, 2048).unbind()
    seconds = in_turns({"step": step, "matrices": lambda: a @ b}, rounds)
    work = gigaflop(prepare("eager", *words))
    rate = work / statistics.median(seconds["step"])
    limit = 2 * 2048**3 / 1e9 / statistics.median(seconds["matrices"])
    shares = shares_of(step)
    cells = [words[0], f"{words[1]}²", words[2], f"{work:.1f}", f"{rate:.0f}", f"{limit:.0f}"]
    cells.append(f"{rate / limit:.2f}")
    return [*cells, *(f"{shares[part]:.0%}" for part in (*PARTS, "the rest"))]


def gigaflop(step: Action) -> float:
    """Of the convolutions of one step, forward and backward."""
    counter = FlopCounterMode(display=False)
    with counter:
        step()
    counts = counter.get_flop_counts()["Global"]
    return sum(n for operation, n in counts.items() if "convolution" in str(operation)) / 1e9


def shares_of(step: Action) -> dict[str, float]:
    """Share of the host's busy time by part."""
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        step()
    spent: dict[str, float] = defaultdict(float)
    for event in recorded.key_averages():
        part = next(
            (part for part, names in PARTS.items() if event.key.startswith(names)), "the rest"
        )
        spent[part] += event.self_cpu_time_total
    total = sum(spent.values())
    return defaultdict(float, {part: time / total for part, time in spent.items()})


if __name__ == "__main__":
    print(measure().markdown())
