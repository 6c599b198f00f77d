"""Other systems and other paths: what Windows lacks is hidden; folders have blanks and umlauts.

That is no trial on such a machine; it says that nothing is asked for there that there is not.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from kit import ROOT

from reilab.cli.main import main
from reilab.record.folder import RunFolder, list_runs
from reilab.record.history import history_of
from reilab.runs.report import report_html

#: What only some systems have, and where there is another way for the others.
POSIX_ALONE = {"fcntl", "grp", "pty", "pwd", "resource", "termios"}

#: A log is written as on Windows: no ``fcntl``, locks of bytes, folders that cannot be opened.
ON_WINDOWS = """
import os, sys, types
from pathlib import Path
import reilab.record.codec
from reilab.events import Paused

def locking(descriptor, mode, n):
    assert (mode, n) == (1, 1)
    held.append(os.lseek(descriptor, 0, os.SEEK_CUR))

opened, usual = [], os.open
def open_files_alone(path, *rest):
    assert not os.path.isdir(path), path
    opened.append(rest[0])
    return usual(path, *rest)

held = []
sys.platform = "win32"
sys.modules["fcntl"] = None
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_LOCK=1)
from reilab.disk import replace_text, replacing
from reilab.record.log import Follower, append
os.open = open_files_alone
path = Path(sys.argv[1]) / "events.jsonl"
for _ in range(2):
    append(path, Paused(), durable=True)
path.open("ab").write(b'{"is": "Pau')
append(path, Paused())
assert Follower(path).poll() == 3 * [Paused()]
assert len(held) == 3 and min(held) > path.stat().st_size
with replacing(path.with_name("state"), durable=True) as partial:
    partial.write_text("whole")
assert opened == [os.O_RDWR]
"""


def test_a_log_is_written_without_what_windows_lacks(tmp_path: Path) -> None:
    words = [sys.executable, "-c", ON_WINDOWS, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def only_elsewhere(test: ast.expr) -> bool:
    """Whether a condition asks for the system."""
    return "platform" in ast.unparse(test) or "os.name" in ast.unparse(test)


def unguarded(node: ast.AST, guarded: bool = False) -> list[str]:
    """What is imported without asking for the system before."""
    found = []
    if isinstance(node, ast.Import | ast.ImportFrom) and not guarded:
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module]
        found = [name for name in names if name in POSIX_ALONE]
    asked = guarded
    for child in ast.iter_child_nodes(node):
        found += unguarded(child, asked)
        asked = asked or (isinstance(child, ast.If) and only_elsewhere(child.test))
    if isinstance(node, ast.If) and only_elsewhere(node.test):
        return []
    return found


@pytest.mark.parametrize(
    "path", sorted((ROOT / "reilab").rglob("*.py")), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_nothing_is_imported_that_some_systems_lack(path: Path) -> None:
    assert unguarded(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_the_guard_sees_what_it_is_to_see() -> None:
    assert unguarded(ast.parse("import fcntl")) == ["fcntl"]
    assert unguarded(ast.parse("def f():\n    import resource")) == ["resource"]
    assert (
        unguarded(ast.parse("if sys.platform == 'win32':\n    pass\nelse:\n    import fcntl")) == []
    )


@pytest.mark.slow
def test_runs_lie_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "Läufe & Ärger" / "δοκιμή 1"
    monkeypatch.setenv("REILAB_RUNS", str(root))
    main(["compare", "mri", "--preset", "smoke", "--methods", "rei"])
    (run,) = list_runs(root)
    assert history_of(RunFolder(run.path).events()).finished
    main(["runs", "show", run.name])
    main(["runs", "export", run.name, "--out", str(tmp_path / "ein Bericht")])
    text = (tmp_path / "ein Bericht" / "report.html").read_text(encoding="utf-8")
    assert text == report_html(run)
