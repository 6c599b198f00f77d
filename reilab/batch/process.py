"""``python -m reilab.batch.process DIR CELL``: executes the notebook of one cell, which it keeps.

It ends when the process that started it does, so that nothing is left behind by a grid that was
killed, and comes to an end when the grid is stopped.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from threading import Thread

import papermill
from papermill.exceptions import PapermillExecutionError

from reilab.batch.cell import Cell
from reilab.batch.folder import GridFolder
from reilab.batch.notebook import source_of
from reilab.events import Stop

POLL_SECONDS = 0.2
#: A run that was asked to stop saves its state; evaluation is the longest it may be busy with.
GRACE_SECONDS = 20.0


def main(folder: GridFolder, cell: Cell) -> None:
    """Execute the notebook of a cell; status 1, and the reason as last line, if it fails."""
    Thread(target=_watch, args=(folder, cell.name, os.getppid()), daemon=True).start()
    try:
        papermill.execute_notebook(
            source_of("reproduce"),
            folder.notebook(cell.name),
            parameters=cell.parameters(folder.runs),
            kernel_name="python3",
            progress_bar=False,
            cwd=str(Path.cwd()),
        )
    except PapermillExecutionError as error:
        print(f"{error.ename}: {error.evalue}")
        raise SystemExit(1) from None


def _watch(folder: GridFolder, name: str, parent: int) -> None:
    """End this process, and with it the kernel, when the parent has ended or time has run out."""
    told = 0.0
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
        if not folder.stop.exists():
            continue
        if not told:
            told = time.monotonic()
            if (folder.run(name).path / "config.yaml").exists():
                folder.run(name).send(Stop())
        elif time.monotonic() - told > GRACE_SECONDS:
            break
    # The kernel sees by itself that its parent has gone.
    os._exit(1)


if __name__ == "__main__":
    main(GridFolder(Path(sys.argv[1])), Cell(**json.loads(sys.argv[2])))
