"""reilab data: what it prints, what it refuses, and that its data trains from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import kit.data_files as make
import numpy as np
import pytest
from kit import ROOT

from reilab.cli.main import main
from reilab.datasets.bundled import BUNDLED
from reilab.datasets.formats.reader import readers
from reilab.datasets.known import KNOWN
from reilab.lab.form import image_sources
from reilab.tasks.registry import tasks


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REILAB_DATA", str(tmp_path / "root"))
    monkeypatch.setenv("REILAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["data", *words])
    assert caught.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def scans(folder: Path) -> None:
    for place in range(4):
        make.write_dicom(folder / f"dicom_dir/{place}.dcm", place)


def test_list_names_every_data_set(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scans(root / "CT100")
    main(["data", "list"])
    text = said(capsys)
    assert all(name in text for name in (*BUNDLED, *KNOWN))
    assert "4 files, not prepared" in text
    main(["data", "prepare", "ct100", "--size", "32"])
    for place in range(3):
        make.write_picture(root / f"mine/{place}.png", place)
    main(["data", "prepare", "mine", "--size", "32", "--colours", "rgb", "--fit", "resize"])
    said(capsys)
    main(["data", "list"])
    text = said(capsys)
    assert "3 to train, 1 to test" in text
    assert "Your images, 32². │ colour" in text


@pytest.mark.parametrize("name", KNOWN)
def test_check_tells_where_to_get_what_is_missing(
    name: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["data", "check", name])
    assert caught.value.code == 1
    text = said(capsys)
    known = KNOWN[name]
    assert "prepared no files none in" in text
    for words in (known.address, known.access, known.licence, *(d.name for d in known.downloads)):
        assert words in text


def test_from_check_to_training(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scans(root / "ct100")
    (root / "ct100/dicom_dir/1_broken.dcm").write_text("no scan")
    main(["data", "check", "ct100"])
    text = said(capsys)
    assert f"files 5 files in {root / 'ct100'}" in text
    assert "missing 95 of 100" in text
    assert f"next reilab data prepare ct100 --root {root}" in text
    main(["data", "prepare", "ct100", "--size", "32"])
    text = said(capsys)
    assert "3 to train, 1 to test, 32², grey" in text
    assert "failed 1 file dicom_dir/1_broken.dcm cannot be read as DICOM" in text
    assert "next reilab train ct --preset paper --size 32" in text
    main(["data", "check", "ct100"])
    assert "prepared 3 to train, 1 to test, checksums agree" in said(capsys)
    small = "--size 32 --width 8 --views 8 --steps 2 --batch 2 --log-every 1 --evaluate-every 2"
    main(["train", "ct", "--preset", "paper", *small.split(), "--milestones", "--json"])
    text = said(capsys)
    assert '"steps": 2' in text
    run = json.loads(text[text.index("{") :])["run"]
    main(["evaluate", "ct", "--checkpoint", run, "--out", str(root / "marks"), "--json"])
    assert '"psnr"' in said(capsys)


def test_check_finds_damage(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scans(root / "ct100")
    main(["data", "prepare", "ct100", "--size", "32"])
    with h5py.File(root / "prepared/ct100/images.h5", "r+") as file:
        file["train/images"][2, 0, 5, 5] += 1
    assert "is damaged (dicom_dir/2.dcm in train/images changed)" in refused(
        ["check", "ct100"], capsys
    )


@pytest.mark.parametrize("name", ["ct100", "mine"])
def test_list_names_data_that_cannot_be_read(
    name: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "prepared" / name).mkdir(parents=True)
    (root / "prepared" / name / "images.h5").write_bytes(b"")
    main(["data", "list"])
    text = said(capsys)
    assert name in text
    assert "cannot be read" in text
    assert f"prepared/{name} is damaged (images.h5 " in refused(["check", name], capsys)


def test_images_that_are_in_both_splits_are_told(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train/a.npy", "train/b.npy", "test/c.npy"):
        (root / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(root / "mine" / name, make.disc(32, 1 + ("b" in name)))
    main(["data", "prepare", "mine", "--size", "32"])
    assert "in both 1 images to validate or test are training images too" in said(capsys)
    main(["data", "check", "mine"])
    assert "mine: prepared in" in said(capsys)


def test_complex_images_are_a_data_set_of_their_own(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, split in enumerate(("train", "train", "val")):
        make.write_fastmri(root / f"fastmri/singlecoil_{split}/{place}.h5", place)
    make.write_fastmri(root / "fastmri/singlecoil_test/9.h5", 9, truth=False)
    for name in ("fastmri", "fastmri_complex"):
        main(["data", "prepare", name, "--size", "32"])
        text = said(capsys)
        assert "2 to train, 1 to test" in text
        assert "without truth 1 file singlecoil_test/9.h5 k-space only, 12 of 46 columns" in text
    assert "next reilab train mri --preset paper --data fastmri_complex --size 32" in text
    found = image_sources(tasks()["mri"])
    assert {"knee", "brain", "fastmri", "fastmri_complex"} <= found.keys()
    assert found["fastmri"] == KNOWN["fastmri"].title
    assert "fastmri_complex" not in image_sources(tasks()["ct"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["chek"], "unknown command 'chek'. Did you mean 'check'"),
        (["check", "urban10"], "unknown data set 'urban10'. Did you mean 'urban100'"),
        (["prepare", "fastmri"], "no files of fastmri below"),
        (["prepare", "mine"], "no files of mine below"),
        (["prepare", "mine", "--source", "nowhere"], "--source nowhere is not a folder"),
        (["prepare", "knee"], "name = 'knee' is a bundled set"),
        (["prepare", "../x"], "name = '../x' may have letters"),
        (["prepare", "fastmri", "--images", "both"], "images = 'both' is not one of"),
        (["prepare", "urban100", "--size", "4"], "size = 4 is too small"),
        (["prepare", "mine", "--colours", "blue"], "colours = 'blue' is not one of: grey, rgb"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], reason: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reason in refused(words, capsys)
    assert list(root.iterdir()) == []


def test_the_guide_goes_through_every_data_set() -> None:
    guide = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    for name, known in KNOWN.items():
        assert f"reilab data prepare {name}" in guide
        assert known.address in guide
    assert all(f"`{suffix}" in guide or f" {suffix}" in guide for suffix in readers())


def test_help(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, told in {
        (): ("list", "check", "prepare"),
        ("check",): KNOWN,
        ("prepare", "--help"): KNOWN,
        ("prepare", "fastmri", "--help"): ("--images",),
    }.items():
        with pytest.raises(SystemExit, match="0"):
            main(["data", *words])
        text = said(capsys)
        assert all(one in text for one in told)


def test_an_interrupted_preparation_says_how_to_go_on(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scans(root / "ct100")

    def interrupt(plan: object, watch: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reilab.cli.data.prepare", interrupt)
    with pytest.raises(SystemExit) as caught:
        main(["data", "prepare", "ct100"])
    assert caught.value.code == 130
    assert "Interrupted; the same command goes on" in capsys.readouterr().err
