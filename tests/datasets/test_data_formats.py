"""Readers of image files: true formats are read as they are meant, damaged files give one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import kit.data_files as make
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from reilab.datasets.formats.contents import contents_of
from reilab.datasets.formats.reader import image_files, passed_over, read_file, readers
from reilab.foreign import UnreadableError

pytestmark = pytest.mark.usefixtures("random_states_untouched")
PICTURE = make.disc(48)
STACK = np.stack([make.disc(48, seed) for seed in range(3)] * 2)
COLOUR = np.stack([PICTURE, PICTURE**2, PICTURE**3])
BYTES = (PICTURE * 255).astype(np.uint8)


def save_hdf5(path: Path, array: NDArray[np.float64]) -> None:
    with h5py.File(path, "w") as file:
        file["small"] = np.zeros((9, 9))
        file["group/pictures"] = array


#: A file, and the images in [0, 1] that it holds.
WRITERS: dict[str, tuple[Callable[[Path], object], NDArray[np.float64]]] = {
    "grey.npy": (lambda p: np.save(p, PICTURE), PICTURE[None, None] / PICTURE.max()),
    "bytes.npy": (lambda p: np.save(p, BYTES), BYTES[None, None] / 255),
    "stack.npy": (lambda p: np.save(p, STACK), STACK[:, None] / STACK.max()),
    "below_zero.npy": (lambda p: np.save(p, PICTURE - 1), PICTURE[None, None] / PICTURE.max()),
    "archive.npz": (
        lambda p: np.savez(p, image=STACK, idx=np.arange(6)),
        STACK[:, None] / STACK.max(),
    ),
    "only.npz": (
        lambda p: np.savez_compressed(p, odd=PICTURE),
        PICTURE[None, None] / PICTURE.max(),
    ),
    "tensor.pt": (lambda p: torch.save(torch.from_numpy(COLOUR), p), COLOUR[None] / COLOUR.max()),
    "mapping.pt": (
        lambda p: torch.save({"x": torch.from_numpy(STACK[:, None]), "epoch": 3}, p),
        STACK[:, None] / STACK.max(),
    ),
    "grey.png": (lambda p: Image.fromarray(BYTES).save(p), BYTES[None, None] / 255),
    "sixteen.png": (
        lambda p: Image.fromarray((PICTURE * 65535).astype(np.uint16)).save(p),
        PICTURE[None, None],
    ),
    "float.tif": (
        lambda p: Image.fromarray(PICTURE.astype(np.float32)).save(p),
        PICTURE[None, None] / PICTURE.max(),
    ),
    "pages.tiff": (
        lambda p: Image.fromarray(BYTES).save(
            p, save_all=True, append_images=[Image.fromarray(BYTES // 2)]
        ),
        np.stack([BYTES, BYTES // 2])[:, None] / 255,
    ),
    "ct.dcm": (make.write_dicom, (make.hounsfield(64, 0)[None, None] + 1000.0) / 2000),
    "no_suffix": (make.write_dicom, (make.hounsfield(64, 0)[None, None] + 1000.0) / 2000),
    "old.mat": (
        lambda p: make.save_mat(p, {"data": np.moveaxis(STACK, 0, 2)}),
        STACK[:, None] / STACK.max(),
    ),
    "new.mat": (
        lambda p: make.write_matlab_73(p, "data", np.moveaxis(STACK, 0, 2)),
        STACK[:, None] / STACK.max(),
    ),
    "nested.h5": (lambda p: save_hdf5(p, STACK), STACK[:, None] / STACK.max()),
}


@pytest.mark.parametrize("name", WRITERS)
def test_files_are_read_as_they_are_meant(name: str, tmp_path: Path) -> None:
    write, expected = WRITERS[name]
    write(tmp_path / name)
    assert image_files(tmp_path) == [tmp_path / name]
    unit = read_file(tmp_path / name).unit
    assert unit.dtype == np.float32
    assert unit.shape == expected.shape
    np.testing.assert_allclose(unit, expected, atol=2e-5)


def test_every_reader_is_tested() -> None:
    tested = {"." + name.split(".", 1)[1] for name in WRITERS if "." in name}
    also = {".jpg", ".jpeg", ".ima", ".hdf5", ".nii", ".nii.gz"}
    assert set(readers()) == tested | also


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_slices_go_up_and_have_the_front_at_the_top(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"head{suffix}"
    make.write_nifti(path)
    unit = read_file(path).unit
    assert unit.shape == (5, 1, 48, 40)
    assert unit[0].max() == unit[4].max() == 0
    # The file counts from left to right and from back to front.
    expected = make.disc(48, 2)[4:44].T[::-1]
    np.testing.assert_allclose(unit[2, 0], expected / unit_scale(), atol=1e-5)


def unit_scale() -> float:
    return max(make.disc(48, place)[4:44].max() for place in range(1, 4))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK", "1"])
def test_all_kinds_of_pictures(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    make.write_picture(path, mode=mode)
    unit = read_file(path).unit
    assert unit.shape[1] == (1 if mode in ("L", "LA", "1") else 3)
    assert unit.shape[2:] == (70, 90)
    assert unit.max() > 0.5


def test_jpeg_is_read(tmp_path: Path) -> None:
    make.write_picture(tmp_path / "a.JPG")
    assert image_files(tmp_path) == [tmp_path / "a.JPG"]
    assert read_file(tmp_path / "a.JPG").unit.shape == (1, 3, 70, 90)


def damaged_hdf5(path: Path) -> None:
    make.write_fastmri(path)
    make.truncate(path)


def damaged_picture(path: Path) -> None:
    make.write_picture(path)
    make.truncate(path)


def damaged_array(path: Path) -> None:
    np.save(path, PICTURE)
    make.truncate(path)


def damaged_archive(path: Path) -> None:
    np.savez(path, image=PICTURE)
    make.truncate(path)


def damaged_volume(path: Path) -> None:
    make.write_nifti(path)
    make.truncate(path)


def damaged_dicom(path: Path) -> None:
    make.write_dicom(path)
    make.truncate(path)


def damaged_mat(path: Path) -> None:
    make.save_mat(path, {"data": PICTURE})
    make.truncate(path)


def claims_too_much(path: Path) -> None:
    """A header that promises 8 TB."""
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
        np.lib.format.write_array_header_1_0(file, header)


def in_another_file(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (9, 9), "u1", external=[("/etc/passwd", 0, 81)])


def in_several_files(path: Path) -> None:
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((9, 9), "u1")
        layout[:] = h5py.VirtualSource("/other.h5", "data", (9, 9))
        file.create_virtual_dataset("data", layout)


def linked(path: Path) -> None:
    other = path.parent / "hidden" / "other.h5"
    other.parent.mkdir()
    with h5py.File(other, "w") as file:
        file["data"] = PICTURE
    with h5py.File(path, "w") as file:
        file["data"] = h5py.ExternalLink(str(other), "data")


def bomb(path: Path) -> None:
    """Few bytes, many pixels."""
    Image.new("1", (13000, 13000)).save(path)


#: How to write a file that cannot be used, and words of the line that says so.
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut.h5": (damaged_hdf5, "truncated"),
    "cut.png": (damaged_picture, "cannot be read as a picture: .*truncated"),
    "cut.npy": (damaged_array, "cannot be read as NPY"),
    "cut.npz": (damaged_archive, "cannot be read as NPZ: File is not a zip file"),
    "cut.nii.gz": (damaged_volume, "cannot be read as NIfTI"),
    "cut.dcm": (damaged_dicom, "cannot be read as DICOM"),
    "cut.mat": (damaged_mat, "cannot be read as MATLAB"),
    "claims.npy": (claims_too_much, "cannot be read as NPY"),
    "empty.png": (lambda p: p.touch(), "cannot be read as a picture: cannot identify"),
    "empty.npy": (lambda p: p.touch(), "cannot be read as NPY: EOF"),
    "empty.h5": (lambda p: p.touch(), "cannot be read as HDF5"),
    "empty.mat": (lambda p: p.touch(), "cannot be read as MATLAB"),
    "empty.pt": (lambda p: p.touch(), "cannot be read: it is damaged, or no file of torch.save"),
    "text.dcm": (lambda p: p.write_text("no image"), "cannot be read as DICOM"),
    "report.dcm": (lambda p: make.write_dicom(p, pixels=False), "DICOM without pixels"),
    "nan.npy": (lambda p: np.save(p, np.full((9, 9), np.nan)), "not finite"),
    "infinite.mat": (lambda p: make.save_mat(p, {"data": PICTURE / 0.0}), "not finite"),
    "complex.npy": (lambda p: np.save(p, PICTURE * 1j), "holds complex numbers"),
    "words.npy": (
        lambda p: np.save(p, np.array(["a", "b"])),
        "holds no numbers: it has the type <U1",
    ),
    "vector.npy": (lambda p: np.save(p, np.arange(99.0)), "shape 99, which is no image"),
    "five_axes.npy": (lambda p: np.save(p, np.zeros((2, 2, 2, 9, 9))), "2 × 2 × 2 × 9 × 9"),
    "thin.npy": (lambda p: np.save(p, np.ones((3, 2000))), "3 × 2000, which is no image"),
    "no_image.npy": (lambda p: np.save(p, np.zeros((0, 9, 9))), "0 × 9 × 9, which is no image"),
    "blank.npy": (lambda p: np.save(p, np.full((9, 9), 7.0)), "shows nothing: all values are 7"),
    "which.npz": (lambda p: np.savez(p, a=PICTURE, b=PICTURE), "has no array named .*: a, b"),
    "which.mat": (lambda p: make.save_mat(p, {"a": PICTURE, "b": PICTURE}), "has no array named"),
    "other.mat": (lambda p: make.save_mat(p, {"data": np.array(["a"])}), "the type <U1"),
    "out.h5": (in_another_file, "keeps 'data' in other files"),
    "out.mat": (in_another_file, "keeps 'data' in other files"),
    "virtual.h5": (in_several_files, "keeps 'data' in other files"),
    "bomb.png": (bomb, "claims 13000 × 13000 pixels, more than 67 million"),
    "list.pt": (lambda p: torch.save([torch.zeros(9, 9)], p), "holds list, not a tensor"),
    "climbing.npz": (make.write_climbing_npz, "'../../climbed.npy', which points out of"),
    "unknown.xyz": (lambda p: p.touch(), "has an unknown suffix '.xyz'"),
}


@pytest.mark.filterwarnings("ignore:divide by zero|invalid value")
@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_used_gives_one_line(name: str, tmp_path: Path) -> None:
    write, words = BROKEN[name]
    write(tmp_path / name)
    with pytest.raises(UnreadableError, match=words) as caught:
        read_file(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    assert [p.name for p in tmp_path.rglob("*")] == [name]
    assert not (tmp_path.parent.parent / "climbed.npy").exists()


@pytest.mark.parametrize("name", ["link.h5", "link.mat"])
def test_links_to_other_files_are_not_followed(name: str, tmp_path: Path) -> None:
    linked(tmp_path / name)
    with pytest.raises(UnreadableError):
        read_file(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("code.npy", make.write_pickled_npy),
        ("code.npz", make.write_pickled_npz),
        ("code.pt", make.write_pickled_pt),
        ("bare.pt", make.write_bare_pickle),
        ("bare.npy", make.write_bare_pickle),
        ("bare.mat", make.write_bare_pickle),
    ],
)
def test_code_in_a_file_is_not_run(
    name: str, write: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    mark = tmp_path / "it ran"
    write(tmp_path / name, mark)
    with pytest.raises(UnreadableError):
        read_file(tmp_path / name)
    assert not mark.exists()


def test_a_missing_file_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        read_file(tmp_path / "gone.npy")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((20, 30), (1, 1, 20, 30)),
        ((20, 30, 3), (1, 3, 20, 30)),
        ((20, 30, 4), (1, 3, 20, 30)),
        ((3, 20, 30), (1, 3, 20, 30)),
        ((1, 20, 30), (1, 1, 20, 30)),
        ((5, 20, 30), (5, 1, 20, 30)),
        ((5, 1, 20, 30), (5, 1, 20, 30)),
        ((5, 3, 20, 30), (5, 3, 20, 30)),
        ((5, 20, 30, 4), (5, 3, 20, 30)),
    ],
)
def test_axes(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    array = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    assert contents_of(array).values.shape == expected


def test_hidden_files_and_caches_are_passed_over(tmp_path: Path) -> None:
    for name in (
        "b/two.png",
        "a/one.png",
        ".hidden/no.png",
        "__MACOSX/no.png",
        "prepared/x/no.png",
    ):
        make.write_picture(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "b/up").symlink_to(tmp_path, target_is_directory=True)
    names = [path.relative_to(tmp_path).as_posix() for path in image_files(tmp_path)]
    assert names == ["a/one.png", "b/two.png"]


def test_links_are_followed_inside_the_folder_alone(tmp_path: Path) -> None:
    make.write_picture(tmp_path / "elsewhere/one.png")
    make.write_picture(tmp_path / "here/.kept/two.png")
    for name, target in (("out", tmp_path / "elsewhere"), ("in", tmp_path / "here/.kept")):
        (tmp_path / "here" / name).symlink_to(target, target_is_directory=True)
    (tmp_path / "here/three.png").symlink_to(tmp_path / "elsewhere/one.png")
    (tmp_path / "root").symlink_to(tmp_path / "here", target_is_directory=True)
    for folder in (tmp_path / "here", tmp_path / "root"):
        assert image_files(folder) == [folder / "in/two.png"]
        assert passed_over(folder) == {"by a link that leaves the folder": 2}


def test_pipes_and_unknown_files_are_counted_and_never_opened(tmp_path: Path) -> None:
    make.write_picture(tmp_path / "one.png")
    for name in ("pipe.png", "pipe", "1.2.840.10008"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "notes.txt").write_text("left alone")
    assert image_files(tmp_path) == [tmp_path / "one.png"]
    assert passed_over(tmp_path) == {"as a pipe, device or dead link": 3, "of an unknown format": 1}
    with pytest.raises(UnreadableError, match="is a pipe, not a file"):
        read_file(tmp_path / "pipe.png")


@pytest.mark.parametrize("suffix", sorted(readers()))
def test_no_reader_waits_for_a_pipe(suffix: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(UnreadableError, match="is a pipe, not a file"):
        read_file(tmp_path / f"pipe{suffix}")
