"""No part of the package outgrows its budget, and every part has one."""

from __future__ import annotations

import pytest

from benchmarks import sizes

LINES = sizes.lines_of_parts()


@pytest.mark.parametrize("budget", sizes.BUDGETS, ids=lambda budget: budget.parts[0])
def test_a_part_keeps_within_its_lines(budget: sizes.Budget) -> None:
    assert sum(LINES[part] for part in budget.parts) <= budget.limit


def test_every_part_has_one_budget() -> None:
    assert sorted(part for budget in sizes.BUDGETS for part in budget.parts) == sorted(LINES)


def test_the_whole_keeps_within_its_lines_modules_and_imports() -> None:
    graph = sizes.import_graph()
    found = (sum(LINES.values()), len(graph.modules), graph.count_imports())
    limits = (sizes.ALL_LINES[0], sizes.MODULES[0], sizes.IMPORTS[0])
    assert [n for n, limit in zip(found, limits, strict=True) if n > limit] == []
