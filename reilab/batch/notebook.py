"""The notebook of a cell, and a look through all cells before any is run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from reilab.batch.cell import Cell, agree
from reilab.batch.grid import GridFolder
from reilab.runs.config import build, objectives
from reilab.settings import choose


def source_of(name: str) -> Path:
    """Path of a notebook: in the repository beside the package, or inside an installed one.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    here = Path(__file__).resolve()
    places = [here.parents[2] / "notebooks", here.parents[1] / "notebooks"]
    for place in places:
        if (place / f"{name}.ipynb").is_file():
            return place / f"{name}.ipynb"
    raise FileNotFoundError(f"{name}.ipynb is in neither of {places[0]} and {places[1]}")


def check_parameters(notebook: Path, given: Iterable[str]) -> None:
    """Check that a notebook knows its parameters; papermill itself would only warn.

    Raises:
        ValueError: it does not know one, with the nearest that it knows.
    """
    # Loaded here because it takes a second.
    import papermill

    known = papermill.inspect_notebook(str(notebook))
    for name in given:
        choose(f"parameter of {notebook.name}", name, known)


def check(cells: Sequence[Cell], folder: GridFolder) -> None:
    """Notebook, earlier runs in the folder, and data; nothing is written.

    Raises:
        ValueError: the notebook does not know a parameter, a cell was run with other settings, or
            the data are missing or do not fit.
        FileNotFoundError: missing data, or no notebook.
    """
    notebook = source_of("reproduce")
    check_parameters(notebook, cells[0].parameters(folder.runs))
    for cell in cells:
        if (folder.run(cell.name).path / "config.yaml").exists():
            agree(folder.run(cell.name), cell.config())
    first = {cell.task: cell.config() for cell in reversed(cells)}
    for task, config in first.items():
        methods = tuple(dict.fromkeys(cell.method for cell in cells if cell.task == task))
        # On this machine's processor: the device may be another machine's.
        build(replace(config, objectives=objectives(methods, {}), device="cpu"))
