"""Every notebook is clean, teaches in the same form, and runs headless."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import jupytext
import pytest
from kit import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: Those that have a test of their own.
TESTED_ELSEWHERE = ("report", "reproduce")
#: Numbered ones are the course.
COURSE = [path for path in NOTEBOOKS if path.stem[:2].isdigit()]
#: The cheapest setting of every parameter that a notebook may have; it gets those that it has.
SMOKE: dict[str, object] = {
    "interactive": False,
    "preset": "smoke",
    "steps": 2,
    "n_draws": 8,
    "counts": [0, 2],
    "side": 8,
    "levels": [0.01, 0.1],
}
LONGEST_FUNCTION = 10

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
alone = pytest.mark.parametrize(
    "path", [p for p in NOTEBOOKS if p.stem not in TESTED_ELSEWHERE], ids=lambda path: path.stem
)
lesson = pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def plain_python(cell: dict[str, Any]) -> str:
    """The cell without its magics; a file that it writes is Python too."""
    kept = [line for line in source(cell).splitlines() if not line.startswith(("%", "!"))]
    return "\n".join(kept)


@every
def test_notebook_is_clean(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = cells(path, "code")
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    assert sum("parameters" in cell["metadata"].get("tags", ()) for cell in code) == 1
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    # Words that stay, not what Jupyter draws for a new cell.
    assert [name for name in ids if re.match(r"[0-9a-f]{8}\b", name)] == []


@every
def test_its_text_says_the_same(path: Path) -> None:
    pair = (path, path.parent / "text" / f"{path.stem}.py")
    notebook, text = (
        [(c.cell_type, c.source, c.metadata) for c in jupytext.read(one).cells] for one in pair
    )
    assert text == notebook, "make notebooks"


def test_every_text_has_its_notebook() -> None:
    texts = (NOTEBOOKS[0].parent / "text").iterdir()
    assert {path.name for path in texts} == {f"{path.stem}.py" for path in NOTEBOOKS}


@every
def test_functions_are_short(path: Path) -> None:
    for cell in cells(path, "code"):
        for node in ast.walk(ast.parse(plain_python(cell))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                length = node.end_lineno - node.lineno + 1
                if "%%writefile" in source(cell):
                    # A whole file, in which the longest function names the parts of a problem.
                    assert length <= 2 * LONGEST_FUNCTION, node.name
                else:
                    assert length <= LONGEST_FUNCTION, node.name


@lesson
def test_lesson_opens_with_its_goal_and_ends_with_questions(path: Path) -> None:
    texts = [source(cell) for cell in cells(path, "markdown")]
    assert texts[0].startswith(f"# {int(path.stem[:2])} · ")
    assert "**Goal.**" in texts[0]
    assert "$$" in "".join(texts), "an idea without a formula"
    assert "**What you should see.**" in "".join(texts)
    last = json.loads(path.read_text(encoding="utf-8"))["cells"][-1]
    assert last["cell_type"] == "markdown"
    assert "## Questions to try" in source(last)


@lesson
def test_every_question_has_a_solution_that_is_folded_away(path: Path) -> None:
    questions, _, solutions = source(cells(path, "markdown")[-1]).partition("**Solutions**")
    asked = re.findall(r"^(\d)\. ", questions, re.MULTILINE)
    told = re.findall(
        # Blank lines: what is between them is Markdown, on the site and in Jupyter.
        r'^<details markdown="1"><summary>Solution (\d)</summary>\n\n.+\n\n</details>$',
        solutions,
        re.MULTILINE,
    )
    assert asked
    assert told == asked


def test_lessons_are_numbered_without_a_gap() -> None:
    assert [int(path.stem[:2]) for path in COURSE] == list(range(1, 11))


@lesson
def test_lesson_can_be_made_small(path: Path) -> None:
    papermill = pytest.importorskip("papermill")
    assert {"interactive", "preset"} <= papermill.inspect_notebook(path).keys()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@alone
def test_notebook_runs(path: Path, tmp_path: Path) -> None:
    papermill = pytest.importorskip("papermill")
    known = papermill.inspect_notebook(path)
    papermill.execute_notebook(
        path,
        tmp_path / "out.ipynb",
        parameters={name: value for name, value in SMOKE.items() if name in known},
        kernel_name="python3",
        progress_bar=False,
    )
