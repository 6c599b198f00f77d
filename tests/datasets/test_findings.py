"""What files of somebody's own are found to be, and how they come in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reilab.datasets.findings import findings, keep_uploaded
from reilab.datasets.folder import load_folder


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.asarray(0.5 + 0.2 * np.sin(y / 9) + 0.2 * np.cos(x / 7), np.float32)


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for index in range(6):
        pixels = np.uint8(255 * smooth(40, 60))
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    found = findings(tmp_path)
    assert found.what == "at least 6 grey images, 40 × 60 pixels, in 6 files"
    assert (found.n_images, found.channels) == (6, 1)
    assert found.picture is not None
    assert found.picture.shape == (40, 60, 1)
    assert "40 × 40" in found.notes[0]
    assert 0 <= found.values[0] < found.values[1] <= 255


def test_measurements_are_told_by_the_names_of_their_arrays(tmp_path: Path) -> None:
    y = np.ones((2, 16, 16), np.complex64)
    np.savez(tmp_path / "scan.npz", y=y, mask=np.ones(16))
    np.save(tmp_path / "bare.npy", y)
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((5, 16, 16)))
    scan = findings(tmp_path / "scan.npz")
    assert (scan.n_images, scan.picture) == (0, None)
    assert scan.what.startswith("measurements, complex numbers, 2 × 16 × 16")
    assert "mask" in scan.notes[0]
    assert findings(tmp_path / "bare.npy").n_images == 0
    assert findings(tmp_path / "images.npy").n_images == 5


@pytest.mark.parametrize(("name", "content"), [("x.png", b"no picture"), ("x.npz", b"PK\3\4")])
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        findings(tmp_path / name)


def test_what_is_brought_lies_below_the_uploads_and_is_read(tmp_path: Path) -> None:
    Image.fromarray(np.uint8(255 * smooth(32, 32))).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    root = tmp_path / "root"
    names = ["../../etc/my cells.png", r"C:\b.png"]
    first = keep_uploaded(dict.fromkeys(names, content), root)
    assert first == "uploads/my-cells"
    assert sorted(file.name for file in (root / first).iterdir()) == ["b.png", "my-cells.png"]
    assert keep_uploaded({"my cells.png": content}, root) == "uploads/my-cells-2"
    assert load_folder(root / first, "test", 16, 1).shape == (1, 1, 16, 16)


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["мозг 1.png", "колено 1.png"], ["1.png", "1-2.png"]),
        (["a b.png", "a-b.png", "a+b.png"], ["a-b.png", "a-b-2.png", "a-b-3.png"]),
        (["頭部.PNG", "scan.nii.gz", "頭部.nii.gz"], ["file.png", "scan.nii.gz", "file.nii.gz"]),
    ],
)
def test_every_file_that_is_brought_is_kept(
    tmp_path: Path, names: list[str], kept: list[str]
) -> None:
    folder = tmp_path / keep_uploaded({name: name.encode() for name in names}, tmp_path)
    assert {file.name: file.read_bytes().decode() for file in folder.iterdir()} == dict(
        zip(kept, names, strict=True)
    )


@pytest.mark.parametrize("name", ["run.sh", ".png", "page.html", "..", ""])
def test_no_other_files_come_in(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="endings"):
        keep_uploaded({name: b"x"}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_more_comes_in_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reilab.datasets.findings.MOST_UPLOADED", 10)
    with pytest.raises(ValueError, match="more than"):
        keep_uploaded({"a.png": bytes(11)}, tmp_path)
