"""Meters: the machine, the worker, and GPUs where there are any."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from reilab.events import Evaluated, Event
from reilab.record.folder import RunFolder
from reilab.runs import execute as executing
from reilab.runs import meters, roster
from reilab.runs.config import configure
from reilab.runs.meters import Gpu, Meters
from reilab.runs.processes import process_of


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", configure("mri", "smoke", ["rei"]).to_yaml())


@pytest.fixture(autouse=True)
def forget_nvml() -> Iterator[None]:
    meters._nvml.cache_clear()
    yield
    meters._nvml.cache_clear()


def test_a_busy_worker_is_seen_and_gone_when_it_ends(folder: RunFolder) -> None:
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        roster.sign_in(folder, process_of(child.pid))
        gauge = Meters()
        gauge.read(folder)
        time.sleep(0.5)
        found = gauge.read(folder)
    finally:
        child.kill()
        child.wait()
    assert found.worker_cpu is not None
    assert 10 < found.worker_cpu < 150
    assert found.worker_memory is not None
    assert 1e6 < found.worker_memory < found.memory < found.memory_total
    assert 0 < found.cpu <= 100
    assert found.cores == os.cpu_count()
    after = gauge.read(folder)
    assert (after.worker_cpu, after.worker_memory, after.worker_gpu_memory) == (None, None, None)


def test_two_readers_do_not_disturb_each_other() -> None:
    first, second = Meters(), Meters()
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        second.read()
    # This process alone kept a core busy meanwhile.
    assert first.read().cpu > 50 / first.read().cores


def test_gpus_where_nvml_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = SimpleNamespace(
        NVMLError=RuntimeError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=3, total=8),
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=40),
        nvmlDeviceGetName=lambda handle: "H100",
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    assert Meters().read().gpus == (Gpu("H100", 3, 8, 40.0),)


@pytest.mark.parametrize("broken", [None, "driver"])
def test_no_gpus_without_nvml_or_its_driver(
    broken: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("no driver")

    nvml = SimpleNamespace(NVMLError=RuntimeError, nvmlInit=fail) if broken else None
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    assert Meters().read().gpus == ()


def test_a_worker_records_what_it_holds_of_a_gpu(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 12345)
    seen: list[Event] = []
    gauge = executing._gauge(folder, "cuda")
    event = Evaluated("rei", 0, None, torch.zeros(1, 4, 4, 1).numpy())
    for sink in (gauge, seen.append):
        sink(event)
    with roster.signed_in(folder):
        assert Meters().read(folder).worker_gpu_memory == 12345
    assert Meters().read(folder).worker_gpu_memory is None


def test_meters_are_read_without_torch() -> None:
    code = (
        "import sys, reilab.runs.meters as m; m.Meters().read(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
