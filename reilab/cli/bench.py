"""reilab bench: how methods stand among each other, in problems that are the same for everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table
from rich.text import Text

from reilab.batch.bench import bench_csv, bench_md, entries, find_edition, strangers, table_of
from reilab.batch.grid import GridFolder, default_device
from reilab.cli import terminal
from reilab.cli.reproduce import Workers, carried_out, end_with
from reilab.disk import replace_text
from reilab.physics.places import ONE


def bench(
    out: Path,
    workers: Annotated[Workers, tyro.conf.arg(name="")],
    preset: str = "quick",
    operators: str = ONE,
    methods: tuple[str, ...] = (),
    device: str = default_device(),
) -> None:
    """Run an edition of the benchmark; your own method enters by REILAB_PLUGINS.

    Finished runs are skipped and interrupted ones resumed, so call it again to go on. Status 1 if a
    run failed, or its problem is not that of the edition.

    Args:
        out: folder of the runs, of bench.csv and bench.md; made, or gone on with.
        preset: quick or smoke: which edition.
        operators: one for all images, or many: which edition.
        methods: names of methods; REI is always among them. All that suit its problems, otherwise.
        device: cpu or cuda.
    """
    edition = find_edition(preset, operators)
    folder = GridFolder(out.absolute())
    runs, faults = carried_out(folder, edition.grid(methods, device), workers)
    found = entries(edition.own(runs, device))
    replace_text(folder.path / "bench.csv", bench_csv(found))
    replace_text(folder.path / "bench.md", bench_md(edition, found))
    heading, *rows = table_of(found)
    shown = Table(*heading)
    for row in rows:
        shown.add_row(*row)
    console = terminal.console()
    console.print(shown)
    console.print(f"table: {folder.path / 'bench.md'}", soft_wrap=True)
    end_with([*faults, *map(Text, strangers(edition, found))])
