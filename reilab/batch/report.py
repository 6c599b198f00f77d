from __future__ import annotations
from collections.abc import Sequence
from reilab.batch.folder import GridFolder
from reilab.batch.results import Finished
from reilab.batch.tables import results_csv, seeds_csv, timings_csv


def write_results(folder: GridFolder, runs: Sequence[Finished]) -> None:
    (folder.path / "results.csv").write_text(results_csv(runs))
    (folder.path / "seeds.csv").write_text(seeds_csv(runs))
    (folder.path / "timings.csv").write_text(timings_csv(runs))
