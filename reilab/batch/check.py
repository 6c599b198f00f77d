"""What is checked of a grid before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reilab.batch.cell import Cell, agree
from reilab.batch.folder import GridFolder
from reilab.batch.notebook import check_parameters, source_of
from reilab.runs.config import build, objectives


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
