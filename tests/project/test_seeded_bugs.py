"""The tests notice bugs: each of a list, put into a copy of the package, makes its test fail."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from seeded_bugs import BUGS, ROOT, Bug

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its children")
every_bug = pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[int, str]]:
    """Exit code and output of pytest for each bug, and for none under the empty name."""
    report = tmp_path_factory.mktemp("bugs") / "report.json"
    program, told = Path(__file__).with_name("seeded_bugs.py"), report.with_name("told.txt")
    # A file: a pipe ends only with the last process that holds it, and a bug may leave a worker.
    with told.open("w", encoding="utf-8") as file:
        done = subprocess.run([sys.executable, program, report], cwd=report.parent, stderr=file)
    assert done.returncode == 0, told.read_text(encoding="utf-8")
    loaded: Mapping[str, tuple[int, str]] = json.loads(Path(report).read_text())
    return loaded


@every_bug
def test_the_bug_can_still_be_put_in(bug: Bug) -> None:
    source = (ROOT / "reilab" / bug.file).read_text(encoding="utf-8")
    assert source.count(bug.old) == 1
    assert bug.new != bug.old


@pytest.mark.slow
@needs_fork
def test_without_a_bug_all_of_these_tests_pass(results: Mapping[str, tuple[int, str]]) -> None:
    code, output = results[""]
    assert code == pytest.ExitCode.OK, output


@pytest.mark.slow
@needs_fork
@every_bug
def test_the_bug_is_noticed(bug: Bug, results: Mapping[str, tuple[int, str]]) -> None:
    code, output = results[bug.name]
    assert code == pytest.ExitCode.TESTS_FAILED, f"{bug.test} lets it pass:\n{output}"
    assert "1 failed" in output
    told = ("AssertionError", "assert ", "GradcheckError", "DID NOT RAISE")
    assert any(words in output for words in told), output
