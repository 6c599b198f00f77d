"""Markdown: the tables of a grid for those who read them beside the code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from reilab.batch.comparison import ComparisonLine, ComparisonTable, table_of
from reilab.batch.published import SOURCE
from reilab.batch.results import LevelSeries
from reilab.tasks.registry import find_task

HEAD = """\
PSNR in dB, mean ± deviation over the test images, and over seeds in brackets; below it that of the
part of the error that A sees | of the rest. Differences are paired image by image, mean ± standard
error.
"""


def tables_md(every: Sequence[LevelSeries]) -> str:
    """The tables of all tasks."""
    return "\n".join([HEAD, *map(_section, every)])


def _section(series: LevelSeries) -> str:
    table = table_of(series)
    title = f"## {find_task(series.task).title}, preset {series.preset}\n"
    source = f"\nPublished: {SOURCE}\n" if table.has_published else ""
    return f"{title}\n{_grid(table)}\n{source}"


def _grid(table: ComparisonTable) -> str:
    rows = [table.heading, ["---"] * len(table.heading), *map(_cells, table.lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(line: ComparisonLine) -> list[str]:
    pairs = zip_longest(line.psnr, line.parts, fillvalue="")
    # A bar would end the cell.
    parts = (("<br>".join(filter(None, pair))).replace("|", "\\|") for pair in pairs)
    return [line.label, *parts]
