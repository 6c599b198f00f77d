"""Files of masks and angles: their formats mean the same, and what is wrong with one is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from reilab.datasets.layouts import load_angles, load_kspace_mask, load_pixel_mask

SIZE = 20
#: No swap or turn of its axes leaves it as it is.
PATTERN = np.random.default_rng(3).random((SIZE, SIZE)) < 0.4
COLUMNS = np.array([0, 3, 8, 9, 10, 11, 19])
VECTOR = np.isin(np.arange(SIZE), COLUMNS)


def save(path: Path, array: NDArray[Any]) -> str:
    """A file of the kind that its ending says."""
    match path.suffix:
        case ".npy":
            np.save(path, array)
        case ".npz":
            np.savez(path, mask=array, of="nothing else")
        case ".pt":
            torch.save(torch.from_numpy(array), path)
        case ".pth":
            torch.save({"mask": torch.from_numpy(array), "other": torch.ones(2)}, path)
        case ".png":
            Image.fromarray((255 * array).astype(np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".pth", ".png"])
def test_patterns(suffix: str, kind: type, tmp_path: Path) -> None:
    name = save(tmp_path / f"mask{suffix}", PATTERN.astype(kind))
    for load in (load_kspace_mask, load_pixel_mask):
        mask = load(name, SIZE)
        assert mask.dtype == torch.bool
        assert np.array_equal(mask.numpy(), PATTERN)


@pytest.mark.parametrize(
    "picture",
    [
        lambda white: Image.fromarray(white.astype(np.uint8)),
        lambda white: Image.fromarray((255 * white).astype(np.uint8)).convert("1"),
        lambda white: Image.fromarray((255 * white).astype(np.uint8)).convert("RGBA"),
        lambda white: Image.fromarray((255 * white).astype(np.uint8)).convert("P"),
    ],
)
def test_pictures_of_two_values(picture: Callable[[Any], Image.Image], tmp_path: Path) -> None:
    picture(PATTERN).save(tmp_path / "mask.png")
    assert np.array_equal(load_pixel_mask(str(tmp_path / "mask.png"), SIZE).numpy(), PATTERN)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
@pytest.mark.parametrize(
    "array",
    [
        COLUMNS,
        COLUMNS[::-1].astype(np.float32),
        VECTOR,
        VECTOR.astype(int),
        VECTOR.reshape(1, 1, 1, SIZE),
        np.tile(VECTOR, (SIZE, 1)),
    ],
)
def test_columns(array: NDArray[Any], suffix: str, tmp_path: Path) -> None:
    mask = load_kspace_mask(save(tmp_path / f"mask{suffix}", array.copy()), SIZE)
    assert np.array_equal(mask.numpy(), np.tile(VECTOR, (SIZE, 1)))


@pytest.mark.parametrize("columns", [[0, 1], [7]])
def test_few_columns_are_a_list(columns: list[int], tmp_path: Path) -> None:
    mask = load_kspace_mask(save(tmp_path / "mask.npy", np.array(columns)), SIZE)
    assert mask[0].nonzero()[:, 0].tolist() == columns


def test_a_name_below_the_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REILAB_DATA", str(tmp_path))
    save(tmp_path / "mask.npy", PATTERN)
    assert load_pixel_mask("mask.npy", SIZE).sum() == PATTERN.sum()
    with pytest.raises(FileNotFoundError, match=r"mask = 'other\.npy': there is no such file"):
        load_pixel_mask("other.npy", SIZE)


def with_value(value: float) -> NDArray[np.float64]:
    changed = PATTERN.astype(float)
    changed[2, 3] = changed[7, 1] = value
    return changed


@pytest.mark.parametrize(
    ("load", "array", "told"),
    [
        (load_kspace_mask, PATTERN[:16], "mask of 16 × 20, and the images need 20 × 20"),
        (load_pixel_mask, PATTERN[:, :16], "mask of 20 × 16, and the images need 20 × 20"),
        (load_pixel_mask, VECTOR, "mask of 20, and the images need 20 × 20"),
        (load_kspace_mask, np.tile(VECTOR, 2), "mask of 40, and the images need 20: set --size"),
        (load_kspace_mask, np.array([1, 1, 0, 1]), "mask of 4, and the images need 20"),
        (load_pixel_mask, with_value(0.5), "holds 0.5 and 1 more values that are neither 0 nor 1"),
        (load_kspace_mask, with_value(np.nan), "holds nan and 1 more values"),
        (load_pixel_mask, with_value(-1), "neither 0 nor 1"),
        (load_kspace_mask, 0 * PATTERN, "is 0 everywhere"),
        (load_pixel_mask, 0 * PATTERN, "is 0 everywhere"),
        (load_kspace_mask, np.array([0, 5, 20]), "columns from 0 to 20, and k-space has 0 to 19"),
        (load_kspace_mask, np.array([-1, 5, 6]), "columns from -1 to 6"),
        (load_kspace_mask, np.array([3, 5, 3]), "names a column twice"),
        (load_kspace_mask, np.array([0.5, 2.0, 7.0]), "neither 0/1 nor numbers of columns"),
        (load_kspace_mask, np.ones((2, SIZE, SIZE)), "mask of 2 × 20 × 20"),
        (load_pixel_mask, PATTERN + 1j, "holds no numbers"),
    ],
)
def test_what_does_not_fit_is_named(
    load: Callable[[str, int], torch.Tensor], array: NDArray[Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        load(save(tmp_path / "mask.npy", array), SIZE)
    assert str(refused.value).startswith("mask = ")
    assert "mask.npy" in str(refused.value)


def test_pictures_that_are_no_masks(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    grey = np.linspace(0, 255, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.uint8)
    Image.fromarray(grey).save(path)
    with pytest.raises(ValueError, match="has 256 grey values"):
        load_pixel_mask(str(path), SIZE)
    Image.fromarray(np.stack([grey, 0 * grey, grey], -1)).save(path)
    with pytest.raises(ValueError, match="picture in colour"):
        load_pixel_mask(str(path), SIZE)


@pytest.mark.parametrize("load", [lambda name: load_kspace_mask(name, SIZE), load_angles])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".png", ".txt"])
@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 and then nothing", b"", b"\x93NUMPY\x01\x00v\x00"]
)
def test_a_damaged_file_is_named(
    load: Callable[[str], object], suffix: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"cut{suffix}") as refused:
        load(str(path))
    assert "\n" not in str(refused.value)


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    whole = Path(save(tmp_path / "mask.npy", PATTERN)).read_bytes()
    (tmp_path / "mask.npy").write_bytes(whole[:-50])
    with pytest.raises(ValueError, match=r"mask\.npy cannot be read as NPY"):
        load_pixel_mask(str(tmp_path / "mask.npy"), SIZE)


def test_code_is_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / "code.npy", np.array([Path("a")], dtype=object), allow_pickle=True)
    torch.save({"mask": Path("a")}, tmp_path / "code.pt")
    for name in ("code.npy", "code.pt"):
        with pytest.raises(ValueError, match=name):
            load_pixel_mask(str(tmp_path / name), SIZE)


@pytest.mark.parametrize("text", ["0\n12.5\n170\n", "0, 12.5, 170", "0 12.5\n170"])
@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_angles_in_text(text: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"angles{suffix}"
    path.write_text(text)
    assert load_angles(str(path)) == (0, 12.5, 170)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
def test_angles_in_arrays(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"angles{suffix}"
    if suffix == ".npz":
        np.savez(path, angles=np.array([[0.0, 12.5]]), mask=PATTERN)
    else:
        save(path, np.array([[0.0, 12.5]]))
    assert load_angles(str(path)) == (0, 12.5)


@pytest.mark.parametrize(
    ("text", "told"),
    [("0 ten", "could not convert"), ("0 nan", "not finite"), ("", "holds no numbers")],
)
def test_what_is_no_angle_is_named(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "angles.txt").write_text(text)
    with pytest.raises(ValueError, match=told):
        load_angles(str(tmp_path / "angles.txt"))


def test_two_axes_are_no_angles(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a list of degrees"):
        load_angles(save(tmp_path / "angles.npy", PATTERN.astype(float)))
