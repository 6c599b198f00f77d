"""A real Slurm on loopback, for as long as a context lasts: Debian's slurm-wlm and munge."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

NODES = ("node1", "node2")
PATIENCE_SECONDS = 60.0
#: No cgroups and no systemd: processes are found by their parents.
CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
SlurmdSpoolDir={folder}/spool-%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
SlurmdTimeout=30
KillWait=5
NodeName=node1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=4000
NodeName=node2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=4000
PartitionName=cells Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass
class Slurm:
    """Its daemons, by name; ``environment`` is that of whoever talks to it."""

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def ask(self, *words: str) -> str:
        """What a command of Slurm says."""
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True)
        return done.stdout.strip()

    def jobs(self) -> dict[str, str]:
        """The nodes of the jobs that run, by number."""
        lines = self.ask("squeue", "--noheader", "--states=R", "--format=%A %N").splitlines()
        return dict(line.split() for line in lines)

    def start_node(self, node: str) -> None:
        self._start(node, "slurmd", "-D", "-N", node)

    def lose_node(self, node: str) -> None:
        """What a power cut does to it: nobody on it says a word any more."""
        self.daemons[node].kill()
        self.daemons[node].wait()
        self._kill(lambda found: found.get("SLURMD_NODENAME") == node)
        self.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=lost")

    def start(self) -> None:
        """Start it and wait until its nodes are idle."""
        key, munge = self.folder / "munge.key", self.folder / "munge"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        files = [f"--{name}-file={munge}.{name}" for name in ("key", "pid", "log", "seed")]
        self._start("munge", "munged", "-F", "--force", f"--socket={munge}.socket", *files)
        wait_for("munge", lambda: (self.folder / "munge.socket").exists())
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(folder=self.folder, user=getpass.getuser(), ports=_free_ports(3))
        )
        self._start("controller", "slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        wait_for("idle nodes", lambda: self.ask("sinfo", "-h", "-o", "%D %t") == "2 idle")

    def end(self) -> None:
        """End its jobs, its daemons, and whatever they have started."""
        self.ask("scancel", "--user", getpass.getuser())
        with suppress(TimeoutError):
            wait_for("empty queue", lambda: not self.ask("squeue", "--noheader"))
        for daemon in reversed(self.daemons.values()):
            daemon.kill()
            daemon.wait()
        own = self.environment["SLURM_CONF"]
        self._kill(lambda found: found.get("SLURM_CONF") == own)

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                words, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def _kill(self, is_meant: Callable[[dict[str, str]], bool]) -> None:
        """Kill the processes of jobs by their environment, those that look after them first."""
        others = [one for one in psutil.process_iter() if one.pid != os.getpid()]
        found = [one for one in others if is_meant(_environment(one))]
        parents = {one.parent() for one in found}
        for process in (*(one for one in parents if one and "slurmstepd" in one.name()), *found):
            with suppress(psutil.NoSuchProcess):
                process.kill()


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """A Slurm whose files lie in a folder; it ends with the context, whatever happens."""
    (folder / "state").mkdir(parents=True)
    folder.chmod(0o755)  # munged trusts no folder that others can write to
    made = Slurm(folder)
    try:
        made.start()
        yield made
    finally:
        made.end()


def wait_for(what: str, is_there: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> float:
    """Seconds until something is so.

    Raises:
        TimeoutError: it is not in time.
    """
    began = time.monotonic()
    while not is_there():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"no {what} within {seconds:g} s")
        time.sleep(0.2)
    return time.monotonic() - began


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def _free_ports(number: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
