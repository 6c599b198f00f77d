"""How large the house is, beside what each part may have: ``python -m benchmarks.sizes``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grimp
from rich.console import Console
from rich.table import Table

PACKAGE = Path(__file__).parents[1] / "reilab"


@dataclass(frozen=True)
class Budget:
    """What so many folders and modules of the package may have together.

    Args:
        parts: their names, as in ``docs/architecture.md``.
        limit: the most lines; a test holds it. What is reached, rounded up to fifty: lower it
            when lines go.
        goal: the lines to come to.
    """

    parts: tuple[str, ...]
    limit: int
    goal: int


VALUES = "key events settings plain disk registry foreign torchfile bundle"
IMAGING = "physics noise groups nets metrics"
PROBLEMS = "problem identifiability nullspace methods training tasks"

BUDGETS = (
    Budget((*VALUES.split(), *IMAGING.split(), *PROBLEMS.split()), 10030, 4200),
    Budget(("record", "show"), 2900, 2500),
    Budget(("runs",), 3900, 1300),
    Budget(("lab",), 9340, 4200),
    Budget(("datasets",), 4300, 2400),
    Budget(("batch", "trained", "course", "cli", "__init__", "__main__"), 5700, 2800),
    Budget(("testing", "interop"), 800, 300),
)
#: Lines in all, modules, and imports of one module by another: limit and goal.
ALL_LINES, MODULES, IMPORTS = (36880, 17000), (265, 150), (1475, 720)


def part_of(path: Path) -> str:
    """The folder or the module of the package that a file of it belongs to."""
    return path.relative_to(PACKAGE).parts[0].split(".")[0]


def lines_of_parts() -> dict[str, int]:
    """Lines of Python, stubs included, by part."""
    lines: dict[str, int] = {}
    for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi")):
        found = len(path.read_text(encoding="utf-8").splitlines())
        lines[part_of(path)] = lines.get(part_of(path), 0) + found
    return lines


def import_graph(others: bool = False) -> grimp.ImportGraph:
    """Which module of the package imports which, inside functions too; and which of ``others``."""
    return grimp.build_graph(PACKAGE.name, include_external_packages=others, cache_dir=None)


def main() -> None:
    """Print every budget, what it is used for, and the totals."""
    lines, graph = lines_of_parts(), import_graph()
    table = Table("", "is", "limit", "goal")
    for column in table.columns[1:]:
        column.justify = "right"
    for budget in BUDGETS:
        used = sum(lines[part] for part in budget.parts)
        of_which = ", ".join(f"{part} {lines[part]}" for part in budget.parts)
        table.add_row(of_which, *map(str, (used, budget.limit, budget.goal)))
    table.add_section()
    for name, found, held in (
        ("lines", sum(lines.values()), ALL_LINES),
        ("modules", len(graph.modules), MODULES),
        ("imports between modules", graph.count_imports(), IMPORTS),
    ):
        table.add_row(name, *map(str, (found, *held)))
    Console().print(table)


if __name__ == "__main__":
    main()
