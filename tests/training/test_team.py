"""Several processes train as one: shares, averages, and equal losses."""

from __future__ import annotations

import shlex
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from reilab.events import Stepped, Stopped
from reilab.key import Key
from reilab.record.folder import RunFolder
from reilab.runs.config import build, configure
from reilab.training.gradient import gather_gradients
from reilab.training.state import seeded
from reilab.training.team import ALONE, join, share

pytestmark = pytest.mark.slow

T = TypeVar("T")


@dataclass(frozen=True)
class Twin:
    """Number 1 of two; the other has zeros."""

    rank: int = 1
    size: int = 2

    def device(self, asked: str) -> str:
        return asked

    def average(self, own: Tensor) -> None:
        own /= 2

    def told(self, own: T) -> T:
        return own

    def part(self) -> None:
        pass


def test_shares_are_equal_and_in_order() -> None:
    whole = torch.arange(6)
    first, own = share(whole, Twin())
    assert (first, own.tolist()) == (3, [3, 4, 5])
    assert share(whole, ALONE)[0] == 0
    assert torch.equal(share(whole, ALONE)[1], whole)


def test_a_batch_that_cannot_be_shared_names_the_remedy() -> None:
    config = configure("mri", "smoke", ["rei"], training={"batch": 3})
    with pytest.raises(ValueError, match=r"batch = 3 .* 2 processes; choose a multiple of 2"):
        build(config, Twin())


def test_all_gradients_are_parts_of_one_tensor(random_states_untouched: None) -> None:
    net = seeded(lambda: nn.Conv2d(3, 4, 3), Key(0)).to(memory_format=torch.channels_last)
    net(torch.ones(1, 3, 5, 5)).square().sum().backward()
    expected = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    whole = gather_gradients(net.parameters())
    assert not whole.any()
    net(torch.ones(1, 3, 5, 5)).square().sum().backward()
    Twin().average(whole)
    assert len(expected) == 2
    for slope, parameter in zip(expected, net.parameters(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, slope / 2)
        assert parameter.grad.stride() == parameter.stride()
    torch.testing.assert_close(whole.norm(), torch.cat([e.flatten() for e in expected]).norm() / 2)


def test_one_gpu_for_several_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert join("cuda:1") is ALONE
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"'cuda:1' names one GPU .* use 'cuda'"):
        join("cuda:1")


def command(*words: str, processes: int) -> list[str]:
    alone = ["-m", "reilab", *words]
    if processes == 1:
        return [sys.executable, *alone]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shape = [f"--nproc-per-node={processes}", f"--master-port={port}"]
    return [sys.executable, "-m", "torch.distributed.run", *shape, *alone]


def reilab(*words: str, processes: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words, processes=processes),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def steps(folder: Path) -> dict[tuple[str, int], Stepped]:
    events = RunFolder(folder).events()
    return {(e.method, e.step): e for e in events if isinstance(e, Stepped)}


def test_two_processes_give_the_losses_of_one(tmp_path: Path) -> None:
    """Same global batch, a network without BatchNorm: equal up to the order of sums."""
    asked = shlex.split("compare ct --preset smoke --norm none --evaluate-every 2 --steps 4")
    for processes in (1, 2):
        done = reilab(*asked, "--out", str(tmp_path / str(processes)), processes=processes)
        assert done.returncode == 0, done.stderr
        # One process speaks for all.
        assert done.stdout.count("run: ") == 1
    one, two = steps(tmp_path / "1"), steps(tmp_path / "2")
    assert len(one) == 3 * 4
    assert one.keys() == two.keys()
    for place, event in one.items():
        assert two[place].losses == pytest.approx(event.losses, rel=1e-4), place
        assert two[place].total == pytest.approx(event.total, rel=1e-4), place
        assert two[place].risk == pytest.approx(event.risk, rel=1e-4), place


def test_one_process_finishes_what_a_team_began(tmp_path: Path) -> None:
    """Stopped between steps, by the signal that a cluster sends."""
    folder = tmp_path / "cut"
    asked = shlex.split("train mri --preset smoke --norm none --evaluate-every 10 --steps 120")
    team = subprocess.Popen(
        command(*asked, "--out", str(folder), processes=2),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while team.poll() is None and (not folder.is_dir() or len(steps(folder)) < 20):
            time.sleep(0.1)
        team.send_signal(signal.SIGTERM)
        _, told = team.communicate(timeout=60)
    finally:
        team.kill()
    assert any(isinstance(event, Stopped) for event in RunFolder(folder).events()), told
    reached = max(step for _, step in steps(folder))
    assert 20 <= reached < 120
    again = reilab("runs", "resume", str(folder), processes=1)
    assert again.returncode == 0, again.stderr
    assert max(step for _, step in steps(folder)) == 120
