"""The REI step: time, peak memory and dispatched operations. ``python -m benchmarks.step``"""

from __future__ import annotations

import statistics
import sys

from benchmarks.cases import FORMULATIONS, prepare
from benchmarks.measure import Table, in_turns, n_dispatched, peak_megabytes, ratio

TASKS = ("mri", "inpainting", "ct")
NOTE = """One optimiser step of REI, batch 2, the paper's U-Net (width 64; 16 in the last rows, as
in the `quick` presets), transforms and weights. *plain*: the authors' formulation, see
`benchmarks/plain.py`; *deepinv*: its operators and losses; both with torch's layers. Seconds are
medians of steps taken in turns; ratios are medians over rounds, with the least and the greatest:
3 rounds at width 64, 15 at width 16. Memory is the peak over an idle process. Operations are what
a GPU feels as launches; ours are counted with torch's layers, which it runs."""


def measure(sizes: tuple[int, ...] = (256, 128), rounds: int = 3) -> Table:
    """All tasks at all sizes."""
    rows = [row(task, size, 64, rounds) for size in sizes for task in TASKS]
    rows += [row(task, size, 16, 5 * rounds) for size in sizes for task in TASKS]
    columns = ["task", "side", "width", "ours [s]"]
    for other in FORMULATIONS[1:]:
        columns += [f"{other} [s]", f"{other} / ours"]
    columns += [f"memory {name} [MB]" for name in FORMULATIONS]
    columns += [f"operations {name}" for name in FORMULATIONS]
    return Table("The training step", NOTE, columns, rows)


def row(task: str, size: int, width: int, rounds: int) -> list[str]:
    """One task at one size."""
    words = (task, str(size), str(width))
    print(*words, file=sys.stderr, flush=True)
    actions = {name: prepare(name, *words) for name in FORMULATIONS}
    seconds = in_turns(actions, rounds)
    cells = [task, f"{size}²", str(width), f"{statistics.median(seconds['ours']):.3f}"]
    for other in FORMULATIONS[1:]:
        gain = ratio(seconds[other], seconds["ours"])
        each = [slow / fast for slow, fast in zip(seconds[other], seconds["ours"], strict=True)]
        spread = f"{gain:.2f} ({min(each):.2f}–{max(each):.2f})"
        cells += [f"{statistics.median(seconds[other]):.3f}", spread]
    cells += [f"{peak_megabytes('benchmarks.cases', name, *words):.0f}" for name in FORMULATIONS]
    # The number of operations does not depend on the size of the tensors. It matters on GPUs.
    for name in ("eager", *FORMULATIONS[1:]):
        cells.append(str(n_dispatched(prepare(name, task, "32", "8"))))
    return cells


if __name__ == "__main__":
    print(measure().markdown())
