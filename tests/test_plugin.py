"""A task in one file outside the package stands everywhere, with no other edit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PLUGIN = Path(__file__).parent / "plugins" / "denoising.py"


def with_plugin(*command: str, timeout: int = 240) -> str:
    environment = {**os.environ, "REILAB_PLUGINS": str(PLUGIN), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=timeout,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_command_line_lists_it() -> None:
    listing = with_plugin("-m", "reilab", "tasks")
    assert "denoising" in listing
    assert "all pixels are seen" in listing


def test_command_line_trains_it_with_its_own_options(tmp_path: Path) -> None:
    out = tmp_path / "run"
    printed = with_plugin(
        *("-m", "reilab", "compare", "denoising", "--preset", "smoke", "--sigma", "0.3"),
        *("--out", str(out), "--json"),
    )
    assert '"noise": 0.3' in printed.splitlines()[-1]
    assert (out / "figure.png").stat().st_size > 10_000


def test_the_lab_offers_it(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from reilab.lab.model import Lab;"
        f"asked = Lab(Path({str(tmp_path)!r})).choices; asked.task = 'denoising';"
        "print(asked.param.task.objects, asked.noise, asked.config().spec)"
    )
    printed = with_plugin("-c", code)
    assert "'denoising'" in printed
    assert "Denoising(size=32, sigma=0.2)" in printed


def test_the_parametrised_tests_take_it_up() -> None:
    printed = with_plugin(
        *("-m", "pytest", "-p", "no:cacheprovider", "-k", "denoising", "-vv"),
        *("tests/test_tasks.py", "tests/test_cli.py", "tests/test_training.py"),
    )
    assert "denoising" in printed
    assert " passed" in printed
    for module in ("test_tasks", "test_cli", "test_training"):
        assert f"{module}.py::" in printed
