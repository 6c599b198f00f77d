"""Meters: how busy the machine and the worker of a run are; readable without torch.

GPU figures come from NVML where the package ``pynvml`` (``pip install nvidia-ml-py``) is installed;
what a worker itself holds of a GPU comes from its own record, ``memory.json``.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import psutil

from reilab.plain import read_json
from reilab.record.folder import RunFolder
from reilab.runs.roster import worker_alive, worker_pid


@dataclass(frozen=True)
class Gpu:
    """One GPU: memory in bytes, utilisation in percent."""

    name: str
    memory: int
    memory_total: int
    utilisation: float


@dataclass(frozen=True)
class Reading:
    """One look at the meters; memory in bytes, ``cpu`` in percent of all cores of the machine.

    ``worker_cpu`` is in percent of one core, and may exceed 100; ``None`` without a worker.
    """

    cpu: float
    cores: int
    memory: int
    memory_total: int
    worker_cpu: float | None = None
    worker_memory: int | None = None
    worker_gpu_memory: int | None = None
    gpus: tuple[Gpu, ...] = ()


@dataclass
class Meters:
    """Reads the meters; a CPU share is the mean since the last reading of the same object."""

    _ticks: tuple[float, float] = field(default_factory=lambda: _ticks(), init=False)
    _worker: psutil.Process | None = field(default=None, init=False)

    def read(self, folder: RunFolder | None = None) -> Reading:
        """The machine, and the worker of a run if one is at it."""
        before, self._ticks = self._ticks, _ticks()
        passed, idle = (now - then for now, then in zip(self._ticks, before, strict=True))
        memory = psutil.virtual_memory()
        self._find_worker(folder)
        share, held = self._read_worker()
        return Reading(
            cpu=100 * (1 - idle / passed) if passed else 0.0,
            cores=psutil.cpu_count() or 1,
            memory=memory.total - memory.available,
            memory_total=memory.total,
            worker_cpu=share,
            worker_memory=held,
            worker_gpu_memory=_recorded(folder) if folder and self._worker else None,
            gpus=read_gpus(),
        )

    def _find_worker(self, folder: RunFolder | None) -> None:
        pid = worker_pid(folder) if folder and worker_alive(folder) else None
        if pid is None:
            self._worker = None
        elif self._worker is None or self._worker.pid != pid:
            self._worker = psutil.Process(pid)

    def _read_worker(self) -> tuple[float | None, int | None]:
        try:
            if self._worker:
                return self._worker.cpu_percent(), self._worker.memory_info().rss
        except psutil.NoSuchProcess:
            self._worker = None
        return None, None


def read_gpus() -> tuple[Gpu, ...]:
    """All NVIDIA GPUs that can be asked."""
    nvml = _nvml()
    if nvml is None:
        return ()
    return tuple(_read_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount()))


def _read_gpu(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    busy = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
    return Gpu(str(nvml.nvmlDeviceGetName(handle)), memory.used, memory.total, float(busy))


def _ticks() -> tuple[float, float]:
    """CPU seconds of all cores since the machine started, and those of them that were idle."""
    times = psutil.cpu_times()
    # Linux counts waiting for disks apart, and the time of guests twice.
    idle = times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return sum(times) - guests, idle


def _recorded(folder: RunFolder) -> int | None:
    file = folder.path / "memory.json"
    return read_json(dict[str, int], file)["gpu"] if file.exists() else None


@cache
def _nvml() -> Any:
    """The started library, or ``None`` where there is none, or no driver for it."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml
