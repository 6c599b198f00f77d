"""Figures at the size at which they are printed."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from kit.lab_runs import SIDE, write_run
from PIL import Image

from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs.config import config_of
from reilab.runs.facts import facts_line, facts_of, facts_of_run
from reilab.show.figures import FORMATS, INCH, PAPERS, Curve, Framing, plate, saved
from reilab.show.scene import Scene, scene_of


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = write_run(tmp_path_factory.mktemp("runs"), "run", ("supervised", "ei", "rei"))
    found = scene_of("run", history_of(folder.events()), 1, 20)
    assert found is not None
    return found


CURVES = [Curve("REI", "#123456", "dotdash", [0, 10, 20], [12.0, 13.0, 14.0])]


@pytest.mark.parametrize("name", PAPERS)
def test_a_figure_is_as_wide_as_its_paper_and_says_all(name: str, scene: Scene) -> None:
    paper = PAPERS[name]
    framing = Framing(curves=CURVES, axis="PSNR (dB)", notes=["Task mri; 50% & <b>"])
    made = plate(scene, paper, framing)
    assert made.get_size_inches()[0] * INCH == pytest.approx(paper.width)
    files = {kind: saved(made, kind) for kind in FORMATS}
    svg = files["svg"].decode()
    for words in ("Ground truth", "Half of it", "A†y", "REI", "PSNR (dB)", "2 pixels", "NMSE"):
        assert words in svg, words
    assert "50% &amp; &lt;b&gt;" in svg
    assert all(shot.caption in svg for shot in scene.shots)
    assert all(shot.colour in svg for shot in scene.shots if shot.judged)
    assert files["pdf"].startswith(b"%PDF")
    with Image.open(io.BytesIO(files["png"])) as picture:
        assert picture.width == pytest.approx(paper.width / INCH * 300, abs=1)
        assert picture.info["dpi"][0] == pytest.approx(300, abs=0.1)
    boxes = [axis.get_position() for axis in made.axes]
    assert all(box.x0 >= 0 and box.x1 <= 1.001 and box.y0 >= 0 and box.y1 <= 1 for box in boxes)


def test_a_figure_shows_what_is_on_screen(scene: Scene) -> None:
    framing = Framing(
        hidden=("supervised", "measurement"),
        errors=False,
        levels=(0.4, 0.5),
        zoom=(-3, 8, 4, 12),
        colours=("#000000", "#ff0000"),
    )
    made = plate(scene, PAPERS["page"], framing)
    assert [axis.get_title(loc="left").split("\n")[0] for axis in made.axes] == [
        *("Ground truth", "A†y", "EI", "REI")
    ]
    for axis in made.axes:
        # Nothing is seen beyond the image.
        assert (*axis.get_xlim(), *axis.get_ylim()) == (0, 8, 4, 12)
        (image,) = axis.images
        assert tuple(image.get_extent()) == (0, SIDE, 0, SIDE)
        assert image.cmap(0.9)[:3] == (1.0, 0.0, 0.0)
    pixels = np.asarray(made.axes[0].images[0].get_array())
    white = (np.asarray(scene.shots[0].image)[..., 0] >= 0.4999).mean()
    assert (pixels == 255).mean() == pytest.approx(white, abs=0.02)


def test_the_facts_name_the_operator_and_what_the_losses_believe(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "run", task="ct", assumed_noise=3.0)
    facts = facts_of(config_of(folder), "run")
    line = facts_line(facts)
    for words in ("Task ct", "counts per photon", "assumed 3", "views = ", "Seed 0", "Run run"):
        assert words in line, words
    assert list(facts)[-1] == "reilab"
    assert facts_of_run(folder) == facts
    strange = RunFolder.create(tmp_path / "strange", folder.config.replace("task: ct", "task: cat"))
    assert facts_of_run(strange) == {"Run": "strange"}
