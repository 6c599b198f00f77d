"""Meters: how busy the machine is, in a few words."""

from __future__ import annotations

from html import escape

from reilab.runs.meters import Gpu, Reading

GIB = 2**30


def meters_html(reading: Reading) -> str:
    """CPU, memory and GPUs; what the worker of the shown run takes of them is in the title."""
    parts = [f"CPU {reading.cpu:.0f} %", f"memory {_share(reading.memory, reading.memory_total)}"]
    parts += [_gpu(gpu) for gpu in reading.gpus]
    told = f"of {reading.cores} cores"
    if reading.worker_memory is not None:
        told = (
            f"{told}; the run takes {reading.worker_cpu or 0:.0f} % of one core and "
            f"{reading.worker_memory / GIB:.1f} GiB"
        )
    return f'<span class="meters" title="{escape(told)}">{escape(" · ".join(parts))}</span>'


def _gpu(gpu: Gpu) -> str:
    return f"{gpu.name} {gpu.utilisation:.0f} %, {_share(gpu.memory, gpu.memory_total)}"


def _share(used: float, total: float) -> str:
    return f"{used / GIB:.1f} of {total / GIB:.0f} GiB"
