"""Page, notebook, report, figure and command line say the same of one run, in the same words."""

from __future__ import annotations

import json
import re
import sys
from html import unescape

import pytest
from kit.lab_runs import write_run
from matplotlib.colors import to_hex

from reilab.cli.show import results_table
from reilab.lab.content import rows
from reilab.lab.exhibit import Results
from reilab.lab.markup import head_html, scale_html
from reilab.lab.notebook.elements import STYLE, table_html
from reilab.lab.pictures import Pictures
from reilab.lab.view import View
from reilab.lab.web.components import Browser, DataTable
from reilab.record.folder import RunFolder
from reilab.record.history import History, history_of
from reilab.runs.report import report_html
from reilab.show import table
from reilab.show.figures import comparison
from reilab.show.results import metrics_csv
from reilab.show.scene import Scene, scene_of
from reilab.show.table import GAIN, METRICS, SECONDS, Column, Result
from reilab.show.words import method_colour, method_title

METHODS = ("ei", "rei", "supervised")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return write_run(tmp_path_factory.mktemp("runs"), "one", METHODS)


@pytest.fixture(scope="module")
def history(run: RunFolder) -> History:
    return history_of(run.events())


@pytest.fixture(scope="module")
def scene(history: History) -> Scene:
    found = scene_of("one", history, 0)
    assert found is not None
    return found


def on_the_page(history: History) -> str:
    shown = Results(Browser(), "run")
    shown.update(rows(history))
    (table,) = shown.__panel__().select(DataTable)
    return f"{table.columns} {json.loads(table.rows)}"


def on_the_command_line(history: History) -> str:
    columns = results_table(history, "a run").columns
    heads = [str(column.header) for column in columns]
    return " ".join([*heads, *(str(cell) for column in columns for cell in column.cells)])


def words(text: str) -> str:
    """A text without tags and blanks."""
    return re.sub(r"\s+", "", unescape(re.sub(r"<[^>]*>", "", text)))


@pytest.fixture(scope="module")
def tables(run: RunFolder, history: History) -> dict[str, str]:
    return {
        "page": on_the_page(history),
        "notebook": table_html(rows(history)),
        "report": report_html(run),
        "command line": on_the_command_line(history),
    }


@pytest.mark.parametrize("face", ["page", "notebook", "report", "command line"])
def test_tables_have_the_same_heads_and_roundings(
    face: str, tables: dict[str, str], history: History
) -> None:
    (table,) = re.findall(r"<table.*</table>", tables[face], re.DOTALL) or [tables[face]]
    told = words(table)
    places = [told.index(words(column.title)) for column in (*METRICS, GAIN, SECONDS)]
    assert places == sorted(places)
    for row in rows(history):
        assert words(row.name) in told
        shown = [column.shown(row.result) for column in METRICS]
        assert all(words(cell) in told for cell in shown), (row.name, shown)


class PerMinute(Column):
    """Decibels that a minute of training has brought."""

    def of(self, row: Result) -> float | None:
        return 60 * row.gain / row.seconds if row.gain and row.seconds else None


def test_a_column_is_added_in_one_place(
    run: RunFolder, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it stood in show/table.py, from where all tables have their columns."""
    column = PerMinute("per_minute", "Gain a minute", "dB", ".1f", "gain_db_per_minute")
    usual = table.COLUMNS
    for name, module in list(sys.modules.items()):
        if name.startswith("reilab.") and getattr(module, "COLUMNS", None) is usual:
            monkeypatch.setattr(module, "COLUMNS", (*usual, column))
    faces = {
        "page": on_the_page(history),
        "notebook": table_html(rows(history)),
        "report": report_html(run),
    }
    shown = {column.shown(row.result) for row in rows(history)} - {table.NOTHING}
    assert shown
    for face, told in faces.items():
        assert words(column.title) in words(told), face
        assert all(one in told for one in shown), face
    assert column.heading in metrics_csv(history, {})


@pytest.mark.parametrize("face", ["figure", "report", "page and notebook"])
def test_images_have_the_same_captions(
    face: str, tables: dict[str, str], history: History, scene: Scene
) -> None:
    told = {
        "figure": lambda: " ".join(axis.get_title(loc="left") for axis in comparison(history).axes),
        "report": lambda: tables["report"],
        "page and notebook": lambda: " ".join(head_html(shot) for shot in scene.shots),
    }[face]()
    for shot in scene.shots:
        assert words(shot.title) in words(told)
        assert not shot.judged or words(shot.caption) in words(told), shot.caption


def test_errors_have_the_same_scale(tables: dict[str, str], history: History, scene: Scene) -> None:
    end = f"{scene.end:g}"
    assert end in words(scale_html(scene.end))
    *axes, bar = comparison(history).axes
    drawn = [image for axis in axes for image in axis.images]
    assert {image.get_clim()[1] for image in drawn} >= {scene.end}
    assert bar.get_xlim() == (0.0, scene.end)
    assert f"0 to {end}" in tables["report"] or f"≥ {end}" in tables["report"]
    pictures = Pictures(View())
    pictures.update(scene)
    painted = pictures.by_key["rei"].error
    assert painted is not None


@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_the_same_colour(method: str, tables: dict[str, str], scene: Scene) -> None:
    colour = method_colour(method)
    assert to_hex(colour) == colour.lower()
    assert colour in tables["notebook"]
    assert colour in head_html(next(shot for shot in scene.shots if shot.key == method))
    assert colour in tables["report"]
    assert colour in STYLE
    assert method_title(method) in words(tables["page"])
