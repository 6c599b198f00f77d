"""Where the cells of a grid are carried out: Dask workers, here or anywhere."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import torch

from reilab.batch.cell import Cell
from reilab.batch.grid import GridFolder
from reilab.batch.notebook import source_of
from reilab.plain import to_json

if TYPE_CHECKING:
    from distributed import Client

#: Each is read by one of the libraries that torch may be built with.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
#: How long a scheduler is waited for, and a worker where there is none.
PATIENCE_SECONDS = 60
#: Roughly what a run with bundled images takes, notebook and all.
BYTES_EACH = 1_500_000_000


@dataclass(frozen=True)
class Outcome:
    """How a cell has ended; ``error`` is empty if it is finished."""

    cell: Cell
    error: str
    seconds: float


class CellLostError(RuntimeError):
    """The process of a cell was ended from outside, and goes on from its checkpoint elsewhere."""


def default_workers(device: str) -> int:
    """As many as there are GPUs; on a CPU as many as there are cores, and memory for."""
    if device == "cuda":
        return torch.cuda.device_count()
    # Containers may use fewer cores than there are.
    from dask.system import CPU_COUNT

    room = psutil.virtual_memory().available // BYTES_EACH
    return max(1, min(int(CPU_COUNT), int(room)))


def hush() -> None:
    """Keep Dask from telling in pages of its own what is told in a line of ours."""
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def local_cluster(n_workers: int) -> Iterator[Client]:
    """Dask workers on this machine, each of which carries out one cell at a time.

    They are threads of this process: each cell has a process of its own anyway. A machine that was
    asleep for a while goes on with them.
    """
    # Loaded here because it takes a second, and `import reilab` is to go without.
    import dask
    from distributed import Client, LocalCluster

    hush()
    with (
        # The scheduler would take workers for dead that slept as long as it did.
        dask.config.set({"distributed.scheduler.worker-ttl": None}),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=False,
            protocol="tcp",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=0,
            silence_logs=False,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def cluster_at(address: str) -> Iterator[Client]:
    """The workers of a Dask scheduler, each thread of which carries out one cell at a time.

    Raises:
        ValueError: nobody answers there, or it has no workers.
    """
    from distributed import Client

    hush()
    try:
        client = Client(address, timeout=PATIENCE_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        raise ValueError(f"scheduler = {address!r} does not answer: {error}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
        except TimeoutError:
            raise ValueError(f"scheduler = {address!r} has no workers; start some") from None
        yield client


def slots(client: Client) -> int:
    """How many cells are carried out at the same time; none without workers or their scheduler."""
    if client.status != "running":
        # Asking would take as long as the client tries to find the scheduler again.
        return 0
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return sum(int(worker["nthreads"]) for worker in workers.values())


def sees(folder: GridFolder) -> bool:
    """Whether the machine on which this is called has the folder."""
    return folder.runs.is_dir()


def work(cell: Cell, folder: GridFolder, n_threads: int, gpu: str) -> Outcome:
    """Carry out a cell in a process of its own; called on a worker.

    Args:
        cell: what to run.
        folder: where.
        n_threads: of torch.
        gpu: the one that it may see, by number; empty: all that the worker sees.

    Raises:
        CellLostError: the process was killed, or its kernel.
    """
    began = time.monotonic()
    settings = {name: str(n_threads) for name in THREAD_VARIABLES}
    if gpu:
        settings["CUDA_VISIBLE_DEVICES"] = gpu
    # The folder of this file is not to be searched for modules (-P): some have common names.
    words = [sys.executable, "-P", str(Path(__file__).with_name("process.py"))]
    words += [str(source_of("reproduce")), str(folder.notebook(cell.name)), str(folder.stop)]
    with folder.log(cell.name).open("wb") as log:
        child = subprocess.Popen(
            [*words, to_json(cell.parameters(folder.runs))],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | settings,
            start_new_session=True,
        )
        code = child.wait()
    reason = _reason(folder, cell, code)
    # Loads papermill, which a grid that succeeds has no need of.
    from reilab.batch.process import KERNEL_KILLED

    if code < 0 or code == KERNEL_KILLED:
        raise CellLostError(reason)
    return Outcome(cell, reason, time.monotonic() - began)


def _reason(folder: GridFolder, cell: Cell, code: int) -> str:
    if code == 0:
        return ""
    if code < 0:
        hint = " (often: out of memory)" if -code == signal.SIGKILL else ""
        return f"ended by {signal.Signals(-code).name}{hint}"
    said = folder.log(cell.name).read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in reversed(said) if line.strip()), f"ended with status {code}")
