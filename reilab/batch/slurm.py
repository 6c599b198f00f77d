"""Dask workers as jobs of Slurm: what a file asks for, and how they come and go."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from reilab.batch.cluster import hush
from reilab.foreign import UnreadableError, reading
from reilab.plain import from_plain, parsed_yaml, to_plain
from reilab.settings import Setting, choose, field_types, validate

if TYPE_CHECKING:
    from distributed import Client

#: Fields that ``SLURMCluster`` does not take.
ELSEWHERE = ("minimum_jobs", "maximum_jobs", "allowed_failures")


@dataclass(frozen=True)
class SlurmJobs:
    """What is asked of Slurm, named as dask-jobqueue names it; ``docs/cluster.md`` explains it.

    What is left empty is as ``~/.config/dask/jobqueue.yaml`` says, or as Slurm has it.
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
        """What ``SLURMCluster`` is given: one worker a job, a thread of it for each cell.

        Logs and certificates go to ``folder``, which all machines see.
        """
        told = {n: v for n, v in to_plain(self).items() if v and n not in ELSEWHERE}
        threads = {"cores": self.cores // n_threads, "job_cpu": self.cores, "processes": 1}
        # Others are on the network, too: who speaks to the scheduler has to show a certificate.
        safe = {"security": True, "protocol": "tls://", "shared_temp_directory": str(folder)}
        scheduler = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
        scheduler |= {"allowed_failures": self.allowed_failures}
        own = threads | safe | {"scheduler_options": scheduler}
        return {"log_directory": str(folder)} | told | own


def read_jobs(file: Path, n_threads: int) -> SlurmJobs:
    """What a file in YAML asks of Slurm, for cells of so many threads.

    Raises:
        ValueError: it cannot be read, a key or a value is wrong, or a package is missing.
    """
    if missing := [name for name in ("dask_jobqueue", "cryptography") if not find_spec(name)]:
        raise ValueError(f"--cluster needs {' and '.join(missing)}: pip install 'reilab[cluster]'")
    try:
        with reading(file, "text"):
            text = file.read_text(encoding="utf-8")
    except UnreadableError as error:
        raise ValueError(f"cluster = {file} {error}") from error
    plain = parsed_yaml(text, file)
    for name in plain if isinstance(plain, dict) else ():
        choose(f"key of {file}", str(name), field_types(SlurmJobs))
    jobs = from_plain(SlurmJobs, plain, file)
    validate(jobs)
    if jobs.maximum_jobs < jobs.minimum_jobs:
        raise ValueError(f"maximum_jobs = {jobs.maximum_jobs}; the least is that of minimum_jobs")
    if jobs.cores < n_threads:
        raise ValueError(f"cores = {jobs.cores} of a job are less than --threads {n_threads}")
    return jobs


@contextmanager
def slurm_cluster(jobs: SlurmJobs, n_threads: int, folder: Path) -> Iterator[Client]:
    """Workers that come as cells wait and go as they end; for jobs that are lost new ones come.

    Raises:
        ValueError: Slurm is not on this machine, or refuses such a job.
    """
    from dask_jobqueue import SLURMCluster
    from distributed import Client, SchedulerPlugin

    class BusyWorkersStay(SchedulerPlugin):  # type: ignore[misc]
        """A job goes when the last of its cells has ended."""

        def valid_workers_downscaling(self, scheduler: Any, workers: list[Any]) -> list[Any]:
            return [worker for worker in workers if not worker.processing]

    hush()
    folder.mkdir(exist_ok=True)
    try:
        cluster = SLURMCluster(**jobs.options(n_threads, folder))
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"cluster: {error}") from error
    with cluster:
        _check_job(cluster.job_script())
        # Every cell takes longer than that: there are to be as many slots as cells.
        limits = {"minimum_jobs": jobs.minimum_jobs, "maximum_jobs": jobs.maximum_jobs}
        cluster.adapt(**limits, target_duration="1 ms")
        with Client(cluster) as client:
            client.register_plugin(BusyWorkersStay())
            yield client


def _check_job(script: str) -> None:
    """Have Slurm look at a job: when jobs are asked for later, nobody is told of an error."""
    words = ["sbatch", "--test-only"]
    try:
        looked = subprocess.run(words, input=script, capture_output=True, text=True)
    except OSError as error:
        raise ValueError(
            f"--cluster needs sbatch, but {error}; call it where that works"
        ) from error
    if looked.returncode:
        raise ValueError(f"sbatch refuses such jobs: {' '.join(looked.stderr.split())}")
