"""K-space as scanners write it: of H × W entries, of fastMRI without a header, of ISMRMRD."""

from __future__ import annotations

from pathlib import Path

import h5py
import ismrmrd
import kit.data_files as make
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reilab.datasets.acquired import parse_kspace, read_measured
from reilab.datasets.fastmri import FastMRI
from reilab.datasets.recipe import Source
from reilab.foreign import UnreadableError
from reilab.physics.fourier import masked_mri
from reilab.runs.config import configure
from reilab.runs.stream import run
from reilab.tasks.registry import find_task


def transformed(images: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Centred, orthonormal, (N, H, W)."""
    shifted = np.fft.ifftshift(images, (1, 2))
    return np.fft.fftshift(np.fft.fft2(shifted, norm="ortho"), (1, 2)).astype(np.complex64)


def heads(height: int, width: int, count: int = 3) -> NDArray[np.complex64]:
    """Images with a phase; they fill the middle half of the rows."""
    phase = np.exp(1j * np.linspace(0, 2, width))
    side = min(height // 2, width)
    images = np.zeros((count, height, width), complex)
    top, left = (height - side) // 2, (width - side) // 2
    for place in range(count):
        images[place, top : top + side, left : left + side] = make.disc(side, place)
    return (images * phase).astype(np.complex64)


MASK = np.arange(48) % 3 != 1


def write_fastmri(path: Path, images: NDArray[np.complex64], header: bytes = b"") -> None:
    with h5py.File(path, "w") as file:
        file["kspace"] = transformed(images) * MASK * 1e-5
        file["mask"] = MASK
        if header:
            file["ismrmrd_header"] = header


def write_ismrmrd(path: Path, images: NDArray[np.complex64]) -> None:
    """As the package of that name writes it, with a noise scan first and one line twice."""
    count, height, width = images.shape
    kspace = transformed(images) * 1e-5
    data = ismrmrd.Dataset(str(path), "dataset", True)
    header = make.HEADER.format(x=height, y=width, side=32, last=width - 1, middle=width // 2)
    data.write_xml_header(header)
    lines = [(0, column) for column in range(width) if MASK[column]][:1]
    lines += [(place, c) for place in range(count) for c in range(width) if MASK[c]]
    for number, (place, column) in enumerate([(0, 0), *lines]):
        line = ismrmrd.Acquisition.from_array(kspace[place, None, :, column])
        line.idx.kspace_encode_step_1, line.idx.slice = column, place
        line.center_sample = height // 2
        if number == 0:
            line.setFlag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
        data.append_acquisition(line)
    data.close()


@pytest.mark.parametrize("layout", ["fastmri", "ismrmrd"])
def test_what_scanners_write_is_measured(layout: str, tmp_path: Path) -> None:
    """The operator of the mask, applied to the middle rows of the images, gives what was read."""
    images = heads(64, 48)
    header = make.HEADER.format(x=64, y=48, side=32, last=47, middle=24).encode()
    if layout == "fastmri":
        write_fastmri(tmp_path / "a.h5", images, header)
    else:
        write_ismrmrd(tmp_path / "a.h5", images)
    problem = find_task("mri").pose("smoke", {"measured": str(tmp_path / "a.h5")})
    y = problem.train.batch(torch.arange(3)).y
    assert y is not None
    middle = torch.view_as_real(torch.from_numpy(images[:, 16:48])).permute(0, 3, 1, 2)
    expected = masked_mri(torch.from_numpy(MASK).expand(32, 48))(middle.contiguous())
    scale = y.norm() / expected.norm()
    torch.testing.assert_close(y, expected * scale, atol=1e-4, rtol=1e-3)
    start = problem.physics.pinv(y)
    assert start.shape == (3, 2, 32, 48)
    assert start.square().sum(1).sqrt().max().item() == pytest.approx(1, abs=0.05)


def test_training_on_fastmri_as_it_is(tmp_path: Path) -> None:
    write_fastmri(tmp_path / "a.h5", heads(64, 48))
    settings = {"measured": str(tmp_path / "a.h5"), "size": 64, "group": "shifts"}
    history = run(configure("mri", "smoke", ["rei"], settings=settings))
    assert history.failed is None
    assert history.finished


def test_the_middle_of_kspace_counts(tmp_path: Path) -> None:
    """Sides that a network cannot halve often enough lose their outermost frequencies."""
    kspace = transformed(heads(70, 54, 2))
    found = parse_kspace(64, 16, {"y": kspace, "mask": np.ones(54)})
    whole = kspace[:, 3:67, 3:51]
    expected = torch.view_as_real(torch.from_numpy(np.ascontiguousarray(whole))).movedim(3, 1)
    torch.testing.assert_close(found.y, expected)


def test_lines_along_the_other_axis_are_named(tmp_path: Path) -> None:
    kspace = transformed(heads(64, 64))
    kspace[:, np.arange(64) % 3 != 0] = 0
    with pytest.raises(ValueError, match=r"42 of 64 rows of y are zero .* swap the last two"):
        parse_kspace(64, 16, {"y": kspace, "mask": np.ones(64)})
    pattern = np.tile(np.arange(64) % 3 == 0, (64, 1)).T
    assert parse_kspace(64, 16, {"y": kspace, "mask": pattern}).y.shape == (3, 2, 22 * 64)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>
<a>&c;</a>"""


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (BOMB, "has a header that is no plain XML: EntitiesForbidden"),
        (b"<html>", "has a header that is no plain XML"),
        (b"<html></html>", "has a header with None for reconSpace.matrixSize.x"),
        (
            make.HEADER.format(x=1, y=1, side=10**9, last=1, middle=0).encode(),
            "has a header with '1000000000' for",
        ),
    ],
)
def test_headers_that_are_no_headers(header: bytes, words: str, tmp_path: Path) -> None:
    write_fastmri(tmp_path / "a.h5", heads(64, 48), header)
    with pytest.raises(ValueError, match=rf"a\.h5 {words}"):
        read_measured(tmp_path / "a.h5")


@pytest.mark.parametrize("name", ["ismrmrd_header", "kspace", "dataset/xml", "dataset/data"])
def test_what_nobody_wrote_takes_no_room(name: str, tmp_path: Path) -> None:
    """Few bytes claim gigabytes of zeros, or lines without end."""
    write_ismrmrd(tmp_path / "a.h5", heads(64, 48))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        if name in ("ismrmrd_header", "kspace"):
            file["kspace"] = transformed(heads(64, 48))
        kind = file[name].dtype if name in file else "S2000000000"
        shape = {"ismrmrd_header": (), "kspace": (10**6, 64, 48)}.get(name, (10**7,))
        file.pop(name, None)
        file.create_dataset(name, shape, kind, chunks=(1, 64, 48)[: len(shape)] or None)
    with pytest.raises(ValueError, match=r"more than the 1 GiB|not one text"):
        read_measured(tmp_path / "a.h5")


def test_a_mask_that_nobody_wrote_takes_no_room(tmp_path: Path) -> None:
    volume = tmp_path / "volume.h5"
    make.write_fastmri(volume, truth=False, leave_out=("mask",))
    with h5py.File(volume, "a") as file:
        file.create_dataset("mask", (10**10,), bool, chunks=(100,))
    with pytest.raises(UnreadableError, match="claims the shape 10000000000, more than"):
        list(FastMRI(size=32).read(Source(volume, "train")))


def test_lines_that_nobody_wrote_are_none(tmp_path: Path) -> None:
    write_ismrmrd(tmp_path / "a.h5", heads(64, 48))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["dataset/data"].resize((10**4,))
    with pytest.raises(ValueError, match=r"has a readout, \d+, outside of its"):
        read_measured(tmp_path / "a.h5")


def test_volumes_are_no_slices(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = np.ones((2, 3, 8, 64, 48), np.complex64)
    with pytest.raises(ValueError, match=r"2 × 3 × 8 × 64 × 48; needs complex slices"):
        read_measured(tmp_path / "a.h5")


@pytest.mark.parametrize("most", [np.nan, np.inf, 0.0, -1.0])
def test_a_volume_without_a_largest_magnitude_is_refused(most: float, tmp_path: Path) -> None:
    make.write_fastmri(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.attrs["max"] = most
    with pytest.raises(UnreadableError, match="its largest magnitude is"):
        list(FastMRI(size=32, scale="volume").read(Source(tmp_path / "a.h5", "train")))


def test_volumes_without_a_header_are_prepared(tmp_path: Path) -> None:
    make.write_fastmri(tmp_path / "a.h5", leave_out=("ismrmrd_header",))
    recipe = FastMRI(size=32)
    (found,) = recipe.read(recipe.sources(tmp_path)[0])
    assert found.image.max() == 1
