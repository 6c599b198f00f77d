"""Dask workers as jobs of Slurm: what a file asks for, and how they come and go."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from reilab.foreign import UnreadableError, reading
from reilab.plain import from_plain, parsed_yaml, to_plain
from reilab.settings import Setting, choose, field_types, validate

if TYPE_CHECKING:
    from distributed import Client

#: What ``SLURMCluster`` does not take: said to the one that asks for jobs, and to its scheduler.
ELSEWHERE = ("minimum_jobs", "maximum_jobs", "allowed_failures")


@dataclass(frozen=True)
class SlurmJobs:
    """What is asked of Slurm; fields are named as ``dask_jobqueue`` names them.

    What is left empty is as ``~/.config/dask/jobqueue.yaml`` says, or as Slurm has it.

    Args:
        memory: of a job: 16GB.
        walltime: of a job, in quotes: "04:00:00".
        queue: the partition.
        account: whose time it is.
        job_extra_directives: more options of sbatch, --gres=gpu:1 for one.
        job_script_prologue: lines of the shell that go before the worker.
        python: of the nodes; the one that asks otherwise.
        interface: the network between nodes and this machine, ib0 for one.
        local_directory: a disk of the node.
        log_directory: what jobs say; ``jobs`` in the folder of the grid otherwise.
    """

    memory: str
    walltime: str
    cores: Annotated[int, Setting("CPU cores of a job.", low=1)]
    maximum_jobs: Annotated[int, Setting("The most jobs at a time.", low=1)]
    minimum_jobs: Annotated[int, Setting("Jobs that stay without cells, too.", low=0)] = 0
    allowed_failures: Annotated[int, Setting("Workers that a cell may lose.", low=0)] = 20
    queue: str = ""
    account: str = ""
    job_extra_directives: tuple[str, ...] = ()
    job_script_prologue: tuple[str, ...] = ()
    python: str = ""
    interface: str = ""
    local_directory: str = ""
    log_directory: str = ""

    def options(self, n_threads: int, folder: Path) -> dict[str, Any]:
        """What ``SLURMCluster`` is given: a worker a job, with a thread for each cell at a time.

        Args:
            n_threads: of each cell.
            folder: seen by all machines, for logs and certificates.
        """
        told = {n: v for n, v in to_plain(self).items() if v and n not in ELSEWHERE}
        # Others are on the network, too: who speaks to the scheduler has to show a certificate.
        safe = {"security": True, "protocol": "tls://", "shared_temp_directory": str(folder)}
        threads = {"cores": self.cores // n_threads, "job_cpu": self.cores, "processes": 1}
        scheduler = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
        scheduler |= {"allowed_failures": self.allowed_failures}
        return (
            {"log_directory": str(folder)}
            | told
            | threads
            | safe
            | {"scheduler_options": scheduler}
        )


def read_jobs(file: Path, n_threads: int) -> SlurmJobs:
    """What a file in YAML asks of Slurm, for cells of so many threads.

    Raises:
        ValueError: it cannot be read, a key or a value is wrong, or a package is missing.
    """
    missing = [name for name in ("dask_jobqueue", "cryptography") if not find_spec(name)]
    if missing:
        raise ValueError(f"--cluster needs {' and '.join(missing)}: pip install 'reilab[cluster]'")
    try:
        with reading(file, "text"):
            plain = parsed_yaml(file.read_text(encoding="utf-8"), file)
    except UnreadableError as error:
        raise ValueError(f"cluster = {file} {error}") from error
    for name in plain if isinstance(plain, dict) else ():
        choose(f"key of {file}", str(name), field_types(SlurmJobs))
    jobs = from_plain(SlurmJobs, plain, file)
    validate(jobs)
    if jobs.minimum_jobs > jobs.maximum_jobs:
        told = f"minimum_jobs = {jobs.minimum_jobs} is more than maximum_jobs = {jobs.maximum_jobs}"
        raise ValueError(f"{file}: {told}")
    if jobs.cores < n_threads:
        raise ValueError(f"{file}: cores = {jobs.cores} is less than --threads {n_threads}")
    return jobs


@contextmanager
def slurm_cluster(jobs: SlurmJobs, n_threads: int, folder: Path) -> Iterator[Client]:
    """Workers that come as cells wait and go as they end; jobs that are lost are asked for anew.

    Raises:
        ValueError: Slurm is not on this machine, or refuses such a job.
    """
    from dask_jobqueue import SLURMCluster
    from distributed import Client

    folder.mkdir(exist_ok=True)
    try:
        cluster = SLURMCluster(**jobs.options(n_threads, folder))
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"cluster: {error}") from error
    with cluster:
        _check_job(cluster.job_script())
        # A cell takes much longer than this: as many slots are asked for as cells wait.
        cluster.adapt(
            minimum_jobs=jobs.minimum_jobs,
            maximum_jobs=jobs.maximum_jobs,
            target_duration="1 ms",
        )
        with Client(cluster) as client:
            client.register_plugin(_busy_workers_stay())
            yield client


def _busy_workers_stay() -> Any:
    from distributed import SchedulerPlugin

    class BusyWorkersStay(SchedulerPlugin):  # type: ignore[misc]
        """Jobs with several threads go when the last of their cells has ended."""

        def valid_workers_downscaling(self, scheduler: Any, workers: list[Any]) -> list[Any]:
            return [worker for worker in workers if not worker.processing]

    return BusyWorkersStay()


def _check_job(script: str) -> None:
    """Have Slurm look at a job without taking it, as asking for workers tells no error.

    Raises:
        ValueError: it would not take it, or there is no Slurm.
    """
    try:
        words = ["sbatch", "--test-only"]
        looked = subprocess.run(words, input=script, capture_output=True, text=True)
    except OSError as error:
        raise ValueError(
            f"--cluster needs sbatch, but {error}; call it where that works"
        ) from error
    if looked.returncode:
        raise ValueError(f"sbatch refuses such jobs: {' '.join(looked.stderr.split())}")
