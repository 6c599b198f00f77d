"""``make gpu`` tried out on a CPU: every part runs and reports, and failures take nothing away."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kit import ROOT
from PIL import Image

from benchmarks.gpu import runner
from benchmarks.gpu.part import Setup

pytestmark = pytest.mark.slow


@pytest.fixture
def urban100(tmp_path: Path) -> Path:
    """Eleven small pictures."""
    folder = tmp_path / "pictures of buildings"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(11):
        pixels = rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"img_{number:03d}.png")
    return folder


def test_every_part_reports(urban100: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--small", "--device", "cpu", "--minutes", "10", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *words, "--urban100", str(urban100)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    report = (out / "README.md").read_text(encoding="utf-8")
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{report}"
    for title in runner.TITLES.values():
        assert f"\n## {title}\n" in report
        assert f"| {title} | done |" in report
    rows = [line.split(" | ") for line in report.splitlines() if line.startswith("|")]
    steps = {(row[0].strip("| "), row[1]) for row in rows if len(row) > 10}
    tasks, forms = ("mri", "inpainting", "ct"), ["ours", "plain"]
    if importlib.util.find_spec("deepinv"):
        forms.append("deepinv")
    assert {(task, form) for task in tasks for form in forms} <= steps
    assert [row[1] for row in rows if row[0] in ("| 1", "| 2")] == ["fabric", "gloo"]
    for name in ("urban100", "mri"):
        assert f"\n### {name}\n" in report
        with Image.open(out / f"{name}.png") as picture:
            assert min(picture.size) > 100
        assert (out / f"{name}-psnr.svg").read_text(encoding="utf-8").startswith("<svg")
    told = (out / "tests.txt").read_text(encoding="utf-8")
    assert re.search(r"= \d+ passed, \d+ deselected in", told), told[-500:]
    # It is handed back as one folder of few files.
    assert len(list(out.iterdir())) <= 8


def setup(tmp_path: Path) -> Setup:
    return Setup("cpu", tmp_path, tmp_path, small=True, deadline=0.0)


def test_what_fails_is_told_and_takes_nothing_away(tmp_path: Path) -> None:
    own = setup(tmp_path)
    own.begin("Numbers", "Some.", ["a", "b"])
    own.row(["1", "2"])
    with own.attempt("the second row"):
        raise ValueError("no card")
    own.row(["5", "6"])
    texts = [(tmp_path / name).read_text() for name in (runner.REPORT, runner.FAILURES)]
    bad = runner.Outcome("radon", "done", 1.0, *texts)
    good = runner.Outcome("team", "done", 2.0, "fine\n", "")
    assert not bad.well
    assert good.well
    assert not runner.Outcome("team", "out of time", 2.0, "fine\n", "").well
    text = runner.written([bad, good], "cpu")
    assert "| 1 | 2 |\n| 5 | 6 |" in text
    assert "ValueError: no card" in text
    assert "| Radon transform and FBP | done | 1 | see below |" in text
    assert text.index("no card") < text.index("## Several processes")
