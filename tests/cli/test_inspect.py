"""reilab inspect: a row for each group, in the words of the page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reilab.cli.main import main
from reilab.groups import GROUPS
from reilab.lab.markup import news_html
from reilab.show.words import group_text


def inspected(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, dict[str, Any]]:
    main(["inspect", *words, "--preset", "smoke", "--json"])
    *shown, line = capsys.readouterr().out.splitlines()
    return " ".join(" ".join(shown).split()), json.loads(line)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")


def test_every_group_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    shown, told = inspected(capsys, "inpainting", "--keep", "0.5")
    assert list(told["groups"]) == list(GROUPS)
    for name, row in told["groups"].items():
        assert f"{100 * row['through']['value']:.1f} ±" in shown
        assert row["through"]["value"] > row["alone"]["value"] == pytest.approx(0.5, abs=0.03)
        assert group_text(name, row["news"], "images", str(row["n_elements"])) in shown
    assert told["groups"]["flips"]["n_elements"] == 3


def test_the_group_that_is_named_is_alone(capsys: pytest.CaptureFixture[str]) -> None:
    shown, told = inspected(capsys, "mri", "--group", "shifts")
    assert list(told["groups"]) == ["shifts"]
    assert told["groups"]["shifts"]["news"] < 1e-4
    assert " yes " in shown
    assert group_text("shifts", 0) in shown
    again = inspected(capsys, "mri", "--group", "shifts", "--seed", "1")[1]
    assert again["groups"]["shifts"]["alone"] != told["groups"]["shifts"]["alone"]


def test_many_masks_are_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("inpainting", "--keep", "0.2", "--group", "shifts")
    shown, told = inspected(capsys, *words, "--operators", "many")
    assert told["masks"]["value"] == pytest.approx(1 - 0.8**8, abs=0.05)
    assert f"8 masks that are drawn as this one is see {100 * told['masks']['value']:.1f}" in shown
    assert inspected(capsys, *words)[1]["masks"] is None


@pytest.mark.parametrize("news", [0.0, 0.5])
def test_the_page_has_the_same_words(news: float) -> None:
    assert group_text("shifts", news) in news_html("shifts", news)


def test_nothing_is_inspected_that_is_out_of_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", "mri", "--acceleration", "1"])
    assert stopped.value.code == 2
    assert "acceleration" in capsys.readouterr().err
