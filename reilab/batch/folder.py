"""GridFolder: a grid on disk.

::

    runs/          a run folder for each cell (``REILAB_RUNS=DIR/runs reilab app`` opens them);
                   while there is a file ``stop``, cells that are at work come to an end
    notebooks/     each cell's notebook as it was executed, and what its process said
    results.csv  seeds.csv  timings.csv  report.html
    summary/       the small files alone: tables and figures
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reilab.batch.cell import STOP
from reilab.record.folder import RunFolder, list_runs


@dataclass(frozen=True)
class GridFolder:
    """Paths of a grid."""

    path: Path

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def stop(self) -> Path:
        return self.runs / STOP

    def make(self) -> None:
        """Make the folders that are missing."""
        for place in (self.runs, self.path / "notebooks"):
            place.mkdir(parents=True, exist_ok=True)

    def run(self, name: str) -> RunFolder:
        """The run folder of a cell, which need not exist."""
        return RunFolder(self.runs / name)

    def notebook(self, name: str) -> Path:
        """The executed notebook of a cell."""
        return self.path / "notebooks" / f"{name}.ipynb"

    def log(self, name: str) -> Path:
        """What the process of a cell said."""
        return self.path / "notebooks" / f"{name}.log"

    def all_runs(self) -> list[RunFolder]:
        """All runs that have been begun, by name."""
        return sorted(list_runs(self.runs), key=lambda folder: folder.name)
