"""What is asked of Slurm: the file that says it, its errors, and what dask-jobqueue is given."""

from __future__ import annotations

import math
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reilab.batch import cell as cells
from reilab.batch import slurm
from reilab.batch.cell import Cell, carry_out
from reilab.batch.slurm import read_jobs, slurm_cluster
from reilab.cli import reproduce as command
from reilab.cli.main import main
from reilab.runs import jobs as runs_at_work

distributed = pytest.importorskip("distributed")

FILE = """\
queue: gpu
cores: 8
memory: 16GB
walltime: "12:00:00"
maximum_jobs: 4
job_extra_directives: [--gres=gpu:1]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(slurm, "find_spec", lambda name: name)
    (tmp_path / "slurm.yaml").write_text(FILE)
    return tmp_path / "slurm.yaml"


def test_a_file_becomes_what_is_asked(file: Path) -> None:
    jobs = read_jobs(file, 2)
    assert jobs.job_extra_directives == ("--gres=gpu:1",)
    options = jobs.options(2, file.parent)
    # Slurm gives eight cores, on which four cells of two threads each go.
    assert (options["job_cpu"], options["cores"], options["processes"]) == (8, 4, 1)
    assert options["queue"] == "gpu"
    assert options["security"] is True
    assert options["scheduler_options"]["allowed_failures"] == 20
    # What is left empty is not said, or it would hide what the user's configuration says.
    assert not {"account", "interface", "maximum_jobs", "allowed_failures"} & options.keys()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("queue", "quee", "unknown key of .*slurm.yaml 'quee'. Did you mean 'queue'"),
        ("cores: 8", "cores: many", "cores 'many' is not a whole number"),
        ("cores: 8", "cores: 0", "cores = 0 is too small; the least is 1"),
        ("cores: 8", "cores: 1", "cores = 1 of a job are less than --threads 2"),
        ("cores: 8\n", "", "'cores' is missing"),
        ('"12:00:00"', "12:00:00", "walltime 43200 is not a text"),
        ("4", "4\nminimum_jobs: 5", "maximum_jobs = 4; the least is that of minimum_jobs"),
        (FILE, "[]", "no fields"),
        (FILE, "a: [", "slurm.yaml is damaged"),
    ],
)
def test_what_is_wrong_is_told(file: Path, old: str, new: str, told: str) -> None:
    file.write_text(FILE.replace(old, new, 1))
    with pytest.raises(ValueError, match=told):
        read_jobs(file, 2)


@pytest.mark.parametrize("here", [(), ("dask_jobqueue",)])
def test_a_package_that_is_missing_is_told_before_anything_is_made(
    file: Path,
    here: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(slurm, "find_spec", lambda name: name in here)
    with pytest.raises(SystemExit, match="2"):
        main(["reproduce", "--out", str(file.parent / "grid"), "--cluster", str(file)])
    assert "pip install 'reilab[cluster]'" in " ".join(capsys.readouterr().err.split())
    assert not (file.parent / "grid").exists()


def test_a_file_that_is_none(file: Path) -> None:
    with pytest.raises(ValueError, match=r"cluster = .*/none.yaml cannot be opened: No such file"):
        read_jobs(file.with_name("none.yaml"), 1)


class Cluster:
    """``SLURMCluster``, which keeps what it is told."""

    told: dict[str, Any]

    def __init__(self, **options: Any) -> None:
        assert Path(options["shared_temp_directory"]).is_dir()
        Cluster.told = options

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        Cluster.told["closed"] = True

    def job_script(self) -> str:
        return "#SBATCH -p gpu"

    def adapt(self, **how: Any) -> None:
        Cluster.told |= how


class Client(Cluster):
    """A client, which has been given a plug-in."""

    def __init__(self, cluster: Cluster) -> None:
        assert Cluster.told["maximum_jobs"] == 4

    def register_plugin(self, plugin: Any) -> None:
        busy, idle = SimpleNamespace(processing={"cell": 1.0}), SimpleNamespace(processing={})
        assert plugin.valid_workers_downscaling(None, [busy, idle]) == [idle]


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A program that refuses jobs for another partition than ``gpu``."""
    monkeypatch.setitem(sys.modules, "dask_jobqueue", SimpleNamespace(SLURMCluster=Cluster))
    monkeypatch.setattr(distributed, "Client", Client)
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\ngrep -q -e "-p gpu" || { echo no such partition >&2; exit 1; }\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return program


def test_jobs_come_and_go_with_the_cells(file: Path, sbatch: Path) -> None:
    with slurm_cluster(read_jobs(file, 2), 2, file.parent / "jobs") as client:
        assert isinstance(client, Client)
        assert "closed" not in Cluster.told
    assert Cluster.told["closed"]
    assert Cluster.told["log_directory"] == str(file.parent / "jobs")


def test_what_slurm_refuses_is_told_at_once(
    file: Path, sbatch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "job_script", lambda self: "#SBATCH -p nowhere")
    cluster = slurm_cluster(read_jobs(file, 2), 2, file.parent / "jobs")
    with pytest.raises(ValueError, match="sbatch refuses such jobs: no such partition"), cluster:
        pass
    monkeypatch.setenv("PATH", "")
    cluster = slurm_cluster(read_jobs(file, 2), 2, file.parent / "jobs")
    with pytest.raises(ValueError, match=r"--cluster needs sbatch, but .*No such file"), cluster:
        pass


def test_the_job_is_as_slurm_wants_it(file: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    from dask_jobqueue.slurm import SLURMJob

    given = read_jobs(file, 2).options(2, file.parent)
    own = {n: v for n, v in given.items() if n not in ("scheduler_options", "security")}
    own.pop("shared_temp_directory")
    script = SLURMJob("tls://head:8786", name="one", **own).job_script()
    for line in ("-p gpu", "--cpus-per-task=8", "--mem=15G", "-t 12:00:00", "--gres=gpu:1"):
        assert f"#SBATCH {line}\n" in script
    assert f"{sys.executable} -m distributed.cli.dask_worker tls://head:8786" in script
    assert "--nthreads 4" in script


def test_a_grid_for_slurm_waits_as_long_as_it_takes(
    file: Path, sbatch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def drive(*given: Any) -> Iterator[Any]:
        waited.append(given[-1])
        yield from ()

    monkeypatch.setattr(command, "drive", drive)
    monkeypatch.setattr(Client, "run", lambda self, *_: {}, raising=False)
    words = ["--preset", "smoke", "--tasks", "mri", "--methods", "ei", "--cluster", str(file)]
    main(["reproduce", "--out", str(file.parent / "grid"), "--threads", "2", *words])
    assert waited == [math.inf]


def test_a_cell_waits_until_its_last_worker_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    at_work = runs_at_work.at_work

    def held(folder: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("another process is already at work")
        return at_work(folder)

    monkeypatch.setattr(cells.jobs, "at_work", held)
    monkeypatch.setattr(cells.time, "sleep", lambda seconds: None)
    cell = Cell("mri", "smoke", 0.1, "ei", 0, {"steps": 1})
    assert cells.is_done(carry_out(cell, tmp_path))
    tries.clear()
    monkeypatch.setattr(cells, "HANDOVER_SECONDS", -1.0)
    with pytest.raises(RuntimeError, match="another process is already at work"):
        carry_out(Cell("mri", "smoke", 0.1, "rei", 0, {"steps": 1}), tmp_path)
