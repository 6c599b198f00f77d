"""A grid on nodes that are lost comes to the same results: ``python -m benchmarks.cluster [FILE]``.

Needs ``apt-get install slurm-wlm munge`` and ``pip install 'reilab[cluster]'``; takes minutes.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cluster.slurm import Slurm, slurm, wait_for
from benchmarks.measure import Table, machine
from reilab.batch.grid import GridFolder
from reilab.record.history import history_of

GRID = "--preset smoke --tasks mri --methods ei rei sure --noise 0.1 --seeds 0"
SETTINGS = "--set steps=300 evaluate_every=5"
ALL_STEPS = 3 * 300
#: One core a node, so that a job needs a node of its own.
JOBS = """\
queue: cells
cores: 1
memory: 2GB
walltime: "00:30:00"
maximum_jobs: 2
interface: lo
job_extra_directives: [--requeue]
"""
WHOLE_SECONDS = 900.0
#: So soon two jobs are at work again; after the last cell but one they never are.
RECOVERY_SECONDS = 180.0


@dataclass
class Trial:
    """A grid on Slurm, and what is done to it."""

    slurm: Slurm
    out: Path
    began: float = field(default_factory=time.monotonic)
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def note(self, what: str, how: str) -> None:
        self.rows.append((f"{time.monotonic() - self.began:.0f}", what, how))
        print(*self.rows[-1], sep="  ", flush=True)

    def steps(self) -> int:
        """Steps of all cells that a checkpoint holds."""
        histories = [history_of(run.events()) for run in GridFolder(self.out).all_runs()]
        return sum(track.saved_step for one in histories for track in one.tracks.values())

    def busy_job(self) -> str:
        """The number of a job, as soon as there are two, and cells have saved more than before."""
        began = time.monotonic()
        wait_for("second job", lambda: len(self.slurm.jobs()) == 2, RECOVERY_SECONDS)
        before = self.steps()
        wait_for("checkpoint", lambda: self.steps() >= before + 10, RECOVERY_SECONDS)
        self.note("two jobs, new checkpoints", f"after {time.monotonic() - began:.0f} s")
        return next(iter(self.slurm.jobs()))

    def disturb(self) -> None:
        """Four blows, each as soon as all is well again."""
        for word, what in (("TERM", "ended, as at the end of its time"), ("KILL", "killed")):
            job = self.busy_job()
            self.slurm.ask("scancel", f"--signal={word}", "--full", job)
            self.struck(f"all processes of a job {what}")
        job = self.busy_job()
        node = self.slurm.jobs()[job]
        self.slurm.lose_node(node)
        self.struck("a node lost, as by a power cut; then it is back")
        self.slurm.start_node(node)
        self.slurm.ask("scontrol", "update", f"nodename={node}", "state=resume")
        self.slurm.ask("scontrol", "requeue", self.busy_job())
        self.struck("a job put back in line, as by preemption")

    def struck(self, what: str) -> None:
        self.note(what, f"{self.steps()} of {ALL_STEPS} steps saved")
        wait_for("loss of a job", lambda: len(self.slurm.jobs()) < 2)


def call(slurm: Slurm, out: Path, *words: str) -> subprocess.Popen[bytes]:
    """``reilab reproduce`` in a process of its own, which writes OUT.log."""
    command = [sys.executable, "-m", "reilab", "reproduce", *GRID.split(), *SETTINGS.split()]
    with out.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(
            [*command, "--out", str(out), *words], env=slurm.environment, stdout=log, stderr=log
        )


def carry_out(slurm: Slurm, scratch: Path) -> list[tuple[str, ...]]:
    """The same grid here and there; what was done, when, and how it came out."""
    here, there, jobs = scratch / "here", scratch / "there", scratch / "slurm.yaml"
    trial = Trial(slurm, there)
    jobs.write_text(JOBS.replace("cells", "nowhere"))
    code = call(slurm, scratch / "refused", "--cluster", str(jobs)).wait()
    said = (scratch / "refused.log").read_text().splitlines()
    trial.note("a partition that is none", f"status {code}: {said[-1]}")
    code = call(slurm, here, "--workers", "2").wait()
    trial.note("the grid without Slurm", f"status {code}")
    jobs.write_text(JOBS)
    child = call(slurm, there, "--cluster", str(jobs))
    try:
        trial.disturb()
        code = child.wait(WHOLE_SECONDS)
    finally:
        child.kill()
        print((scratch / "there.log").read_text(errors="replace"))
    trial.note("the grid on Slurm, in one call", f"status {code}")
    wait_for("empty queue", lambda: not slurm.ask("squeue", "--noheader"))
    histories = [history_of(run.events()) for run in GridFolder(there).all_runs()]
    tracks = [track for history in histories for track in history.tracks.values()]
    trial.note("cells resumed from a checkpoint", " + ".join(str(len(t.resumed)) for t in tracks))
    same = (here / "results.csv").read_bytes() == (there / "results.csv").read_bytes()
    trial.note("`results.csv` of both", "equal, byte for byte" if same else "different")
    return trial.rows


def main() -> None:
    """Print the table, and write it into the file that is named."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it cleans up then, too
    with tempfile.TemporaryDirectory() as scratch, slurm(Path(scratch) / "slurm") as made:
        rows = carry_out(made, Path(scratch))
        version = made.ask("sinfo", "--version")
    note = f"""{version}, two nodes of one core each on one machine: {machine()}.
`python -m benchmarks.cluster docs/results/slurm.md`; what is promised stands in
[`docs/cluster.md`](../cluster.md)."""
    table = Table("A grid on Slurm that loses its jobs", note, ("at [s]", "what", "result"), rows)
    text = table.markdown().removeprefix("#")
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
