"""Images of others: brightness, the way up, palettes, and what is missing or hostile in them."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import kit.data_files as make
import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless
from rich.console import Console

from reilab.cli.datashow import show_prepared
from reilab.datasets.folder import Folder, square_pixels
from reilab.datasets.formats.reader import passed_over, read_file
from reilab.datasets.prepare import Plan, Progress, prepare
from reilab.datasets.recipe import Source, held_back
from reilab.datasets.store import Store, decode
from reilab.foreign import UnreadableError

PICTURE = make.disc(48)


def numbered(path: Path, bits: int, meaning: str, largest: float, seed: int = 0) -> NDArray[Any]:
    """A DICOM image that is no CT, of 0 to ``largest``; its numbers."""
    make.write_dicom(path, seed)
    data = pydicom.dcmread(path)
    pixels = (make.disc(64, seed) / make.disc(64, seed).max() * largest).astype(np.uint16)
    data.Modality, data.PhotometricInterpretation = "MR", meaning
    data.BitsStored, data.HighBit = bits, bits - 1
    del data.RescaleSlope, data.RescaleIntercept
    data.PixelData = pixels.tobytes()
    data.save_as(path)
    return pixels


@pytest.mark.parametrize("bits", [12, 16])
def test_the_brightest_of_a_scan_is_white_however_many_bits_it_has(
    bits: int, tmp_path: Path
) -> None:
    pixels = numbered(tmp_path / "mr.dcm", bits, "MONOCHROME2", 900)
    np.testing.assert_allclose(read_file(tmp_path / "mr.dcm").unit[0, 0], pixels / 900, atol=1e-6)


def test_radiographs_of_a_study_have_one_zero(tmp_path: Path) -> None:
    for seed, largest in enumerate((3000, 4000)):
        pixels = numbered(tmp_path / "x.dcm", 12, "MONOCHROME1", largest, seed)
        unit = read_file(tmp_path / "x.dcm").unit[0, 0]
        np.testing.assert_allclose(unit, (4095.0 - pixels) / 4095, atol=1e-6)


@pytest.mark.parametrize(
    ("largest", "white"), [(255, 255), (900, 1023), (3900, 4095), (60000, 65535)]
)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_white_is_the_largest_number_of_a_camera(
    suffix: str, largest: int, white: int, tmp_path: Path
) -> None:
    numbers = (PICTURE / PICTURE.max() * largest).astype(np.uint16)
    path = tmp_path / f"a{suffix}"
    np.save(path, numbers) if suffix == ".npy" else Image.fromarray(numbers).save(path)
    np.testing.assert_allclose(read_file(path).unit[0, 0], numbers / white, atol=1e-6)


def test_a_dark_photograph_stays_dark(tmp_path: Path) -> None:
    Image.fromarray((PICTURE * 20).astype(np.uint8)).save(tmp_path / "a.png")
    assert read_file(tmp_path / "a.png").unit.max() < 0.1


def test_photographs_stand_upright(tmp_path: Path) -> None:
    wide = np.zeros((40, 60), np.uint8)
    wide[:10] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(wide).save(tmp_path / "a.jpg", exif=exif)
    unit = read_file(tmp_path / "a.jpg").unit[0, 0]
    assert unit.shape == (60, 40)
    assert unit[:, 32:].min() > 0.9
    assert unit[:, :28].max() < 0.1


@pytest.mark.parametrize("kind", ["f8", "planar"])
def test_scientific_tiff(kind: str, tmp_path: Path) -> None:
    colours = np.stack([PICTURE, PICTURE**2, PICTURE**3])
    numbers = PICTURE if kind == "f8" else (colours * 255).astype(np.uint8)
    planar = {} if kind == "f8" else {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "a.tif", numbers, **planar)
    expected = numbers[None] / PICTURE.max() if kind == "f8" else numbers / 255
    np.testing.assert_allclose(read_file(tmp_path / "a.tif").unit[0], expected, atol=1e-5)


def test_what_is_nan_in_a_volume_is_black_and_counted(tmp_path: Path) -> None:
    volume = np.stack([make.disc(48, place) for place in range(3)], -1).astype(np.float32)
    volume[:2, :, 1] = np.nan
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "a.nii")
    contents = read_file(tmp_path / "a.nii")
    assert contents.note == "has 96 values that were NaN and are 0 now"
    assert not contents.unit[1, 0, :, :2].any()
    ((note,),) = [{f.note for f in found} for found in [list(of_folder(tmp_path / "a.nii"))]]
    assert note == contents.note


def of_folder(path: Path) -> Any:
    recipe = Folder(32)
    return recipe.read(recipe.sources(path.parent)[0])


def scan(name: str) -> Path:
    """A file that comes with pydicom."""
    found = get_testdata_file(name, download=False)
    return Path(str(found)) if found else pytest.skip(f"this pydicom comes without {name}")


def test_palettes_are_colours() -> None:
    unit = read_file(scan("examples_palette.dcm")).unit[0]
    assert unit.shape == (3, 350, 800)
    shown = pydicom.dcmread(scan("examples_palette.dcm"))
    colours = pydicom.pixels.apply_color_lut(shown.pixel_array, shown)
    np.testing.assert_allclose(unit, np.moveaxis(colours, 2, 0) / 65535, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["JPGExtended.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_RLE.dcm"]
)
def test_compressed_scans_are_unpacked(name: str) -> None:
    assert read_file(scan(name)).unit.max() == 1


def test_what_unpacks_a_scan_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = pydicom.pixels.get_decoder(JPEGLSLossless)
    monkeypatch.setattr(type(decoder), "is_available", False)
    with pytest.raises(UnreadableError, match=r"JPEG-LS Lossless.*`pip install 'reilab\[dicom\]'`"):
        read_file(scan("MR_small_jpeg_ls_lossless.dcm"))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("1.2.840.113619.2.5", make.write_dicom),
        ("scan.0001", make.write_dicom),
        ("picture.bak", lambda p: Image.fromarray((PICTURE * 255).astype(np.uint8)).save(p, "PNG")),
    ],
)
def test_files_of_other_names_are_looked_into(
    name: str, write: Callable[[Path], object], tmp_path: Path
) -> None:
    write(tmp_path / name)
    assert read_file(tmp_path / name).unit.max() > 0.5


def test_a_device_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("/dev/null")
    with pytest.raises(UnreadableError, match="is a device, not a file"):
        read_file(tmp_path / "a.png")


# --- Sets of which a part is of no use -----------------------------------------------------------


def prepared(files: Path) -> Store:
    return prepare(Plan("mine", "folder", Folder(32), files, files.parent / "root"), nobody)


def nobody(step: Progress) -> None:
    pass


def named(store: Store, split: str) -> list[str]:
    return [known.source for known in store.images[split]]


def test_the_files_that_can_be_read_are_divided(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for place in range(8):
        np.save(files / f"{place}.npy", make.disc(40, place))
    make.truncate(files / "7.npy")
    store = prepared(files)
    assert list(store.failed) == ["7.npy"]
    assert named(store, "train") == [f"{place}.npy" for place in range(6)]
    assert named(store, "test") == ["6.npy"]
    steps: list[Progress] = []
    again = prepare(Plan("mine", "folder", Folder(32), files, tmp_path / "root"), steps.append)
    assert not steps
    assert again.images == store.images


def test_folders_that_say_so_are_not_divided_anew(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / "files" / split).mkdir(parents=True)
        np.save(tmp_path / "files" / split / "a.npy", make.disc(40))
    make.truncate(tmp_path / "files/test/a.npy")
    with pytest.raises(ValueError, match="has no test images"):
        prepared(tmp_path / "files")


def test_a_head_below_empty_slices_is_divided(tmp_path: Path) -> None:
    volume = np.zeros((48, 48, 40), np.float32)
    for place in range(10):
        volume[..., place] = make.disc(48, place)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "head.nii.gz")
    splits = [found.split for found in of_folder(tmp_path / "head.nii.gz")]
    assert splits == ["train"] * 9 + ["test"]


# --- Headers that lie ----------------------------------------------------------------------------


def much_npz(path: Path) -> None:
    """A member whose own header claims 400 GB."""
    make.write_archive(path, "image.npy", make.npy_header((10**5, 10**6)))


def much_repeated(path: Path) -> None:
    torch.save(torch.zeros(1, dtype=torch.bfloat16).expand(10**5, 10**5), path)


def much_sparse(path: Path) -> None:
    """Few bytes: what was not written is zero."""
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (10**6, 10**4), "f8", chunks=(100, 100), compression="gzip")


def much_deflated(path: Path) -> None:
    make.write_dicom(path)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.save_as(path)
    whole = path.read_bytes()
    start = 144 + pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength
    packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    path.write_bytes(whole[:start] + packing.compress(bytes(2**23)) + packing.flush())


def much_comment(path: Path) -> None:
    """Comments of 2 GB in front of the numbers."""
    make.write_nifti(path)
    whole = bytearray(gzip.decompress(path.read_bytes()))
    whole[108:112] = struct.pack("<f", 2.0**31)
    whole[348:360] = struct.pack("<4Bii", 1, 0, 0, 0, 2**31 - 16, 4)
    path.write_bytes(gzip.compress(bytes(whole)))


def much_nifti(path: Path) -> None:
    make.write_nifti(path)
    whole = bytearray(path.read_bytes())
    whole[40:56] = struct.pack("<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1)
    path.write_bytes(whole)


def by_link(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["hidden"] = np.eye(9)
        file["data"] = h5py.SoftLink("/hidden")


def postscript(path: Path) -> None:
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\n")


LIARS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a.npz": (much_npz, "claims the shape 100000 × 1000000, more than the 1 GiB"),
    "a.pt": (much_repeated, "claims the shape 100000 × 100000, more than the 1 GiB"),
    "a.h5": (much_sparse, "claims the shape 1000000 × 10000, more than the 1 GiB"),
    "a.nii.gz": (much_comment, "claims that its numbers begin at byte"),
    "b.nii": (much_nifti, "claims the shape 32767 × 32767 × 32767, more than the 1 GiB"),
    "b.mat": (by_link, "has a link for 'data', which is not followed"),
    "a.png": (postscript, "cannot identify"),
}


@pytest.mark.parametrize("name", LIARS)
def test_room_is_made_for_nothing_absurd(name: str, tmp_path: Path) -> None:
    write, words = LIARS[name]
    write(tmp_path / name)
    with pytest.raises(UnreadableError, match=words) as caught:
        read_file(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_the_directory_of_a_disc_leads_nowhere(tmp_path: Path) -> None:
    """Files without suffix beside a list of them, as scanners write discs; it may say anything."""
    disc = tmp_path / "disc"
    for place in range(10):
        make.write_dicom(disc / f"IMAGES/IM{place:06d}", place)
    make.write_dicom(tmp_path / "secret", 11)
    (disc / "README").write_text("Start VIEWER.EXE")
    data = pydicom.dcmread(disc / "IMAGES/IM000000", stop_before_pixels=True)
    record = pydicom.Dataset()
    record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", ["..", "secret"]
    data.DirectoryRecordSequence = [record] * 3
    data.save_as(disc / "DICOMDIR")
    store = prepared(disc)
    assert store.failed == {"DICOMDIR": "is DICOM without pixels, e.g. a report"}
    assert passed_over(disc) == {"of an unknown format": 1}
    assert sorted(named(store, "train") + named(store, "test")) == [
        f"IMAGES/IM{place:06d}" for place in range(10)
    ]


@pytest.mark.parametrize("intercept", ["1e40", "-1e300"])
@pytest.mark.parametrize("meaning", ["MONOCHROME1", "MONOCHROME2"])
def test_numbers_beyond_all_bounds_are_no_brightness(
    meaning: str, intercept: str, tmp_path: Path
) -> None:
    numbered(tmp_path / "a.dcm", 12, meaning, 900)
    data = pydicom.dcmread(tmp_path / "a.dcm")
    data.RescaleSlope, data.RescaleIntercept = "1", intercept
    data.save_as(tmp_path / "a.dcm")
    with pytest.raises(UnreadableError, match=r"which is no range|not finite|all values are"):
        read_file(tmp_path / "a.dcm")


def test_what_is_deflated_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_file(scan("image_dfl.dcm")).unit.max() == 1
    monkeypatch.setattr("reilab.datasets.formats.dicom.MOST_BYTES", 2**22)
    much_deflated(tmp_path / "a.dcm")
    with pytest.raises(UnreadableError, match="is deflated, and unpacks to more than the 1 GiB"):
        read_file(tmp_path / "a.dcm")


def test_a_link_to_a_pipe_in_hdf5_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["data"] = h5py.ExternalLink(str(tmp_path / "pipe"), "data")
    with pytest.raises(UnreadableError, match="keeps 'data' in other files"):
        read_file(tmp_path / "a.mat")


def test_dark_sets_are_told_of(tmp_path: Path) -> None:
    files = tmp_path / "files"
    for place, share in enumerate((20, 20, 20)):
        files.mkdir(exist_ok=True)
        Image.fromarray((make.disc(40, place) * share).astype(np.uint8)).save(
            files / f"{place}.png"
        )
    store = prepared(files)
    assert decode(torch.from_numpy(store.split("train").read(0))).max() < 0.1
    console = Console(record=True, width=200)
    show_prepared(console, store, {"of an unknown format": 2})
    told = console.export_text()
    assert "the brightest pixel is 0.0" in told
    assert "2 files of an unknown format" in told


def bent(path: Path, kind: str) -> None:
    """A disc that is written with pixels of 2 by 1 mm, so of half as many rows."""
    squeezed = make.disc(64)[::2]
    if kind == "NIfTI":
        # The axes of the file: to the back, to the left, to the head.
        volume = np.repeat(squeezed[:, ::-1, None], 3, 2).astype(np.float32)
        affine = np.array([[0, -1, 0, 0], [-2, 0, 0, 0], [0, 0, 5, 0], [0, 0, 0, 1.0]])
        nibabel.save(nibabel.Nifti1Image(volume, affine), path)
        return
    make.write_dicom(path)
    data = pydicom.dcmread(path)
    data.Modality, data.Rows, data.Columns = "MR", *squeezed.shape
    data.PixelSpacing = [2.0, 1.0]
    data.PixelData = (squeezed * 1000).astype(np.uint16).tobytes()
    data.save_as(path)


@pytest.mark.parametrize(("kind", "name"), [("DICOM", "one.dcm"), ("NIfTI", "one.nii.gz")])
def test_a_round_thing_stays_round(kind: str, name: str, tmp_path: Path) -> None:
    bent(tmp_path / name, kind)
    images, note = square_pixels(read_file(tmp_path / name))
    assert images.shape[2:] == (64, 64)
    shown = images[-1, 0] > images.max() / 4
    expected = torch.from_numpy(make.disc(64) > make.disc(64).max() / 4)
    assert (shown != expected).float().mean() < 0.03
    assert "2 by 1 mm, made square" in note


@pytest.mark.parametrize("spacing", [[0.0, 1.0], [-1.0, 1.0], [1e9, 1.0]])
def test_pixels_that_cannot_be_are_refused(spacing: list[float], tmp_path: Path) -> None:
    make.write_dicom(tmp_path / "one.dcm")
    data = pydicom.dcmread(tmp_path / "one.dcm")
    data.PixelSpacing = spacing
    data.save_as(tmp_path / "one.dcm")
    with pytest.raises(UnreadableError, match="has pixels of"):
        list(Folder(16).read(Source(tmp_path / "one.dcm", "test")))


def test_nobody_is_in_two_splits(tmp_path: Path) -> None:
    """Files of five people, in an order that mixes them, by headers or by names."""
    for place in range(20):
        person = f"{place % 5:02d}"
        make.write_dicom(tmp_path / f"headers/{place:02d}.dcm", place, 32)
        data = pydicom.dcmread(tmp_path / f"headers/{place:02d}.dcm")
        data.PatientID = person
        data.save_as(tmp_path / f"headers/{place:02d}.dcm")
        make.write_picture(tmp_path / f"names/{place:02d}_sub-{person}.png", place, size=(32, 32))
    for kind in ("headers", "names"):
        found = held_back(Folder(16).sources(tmp_path / kind), 0.2)
        people: dict[str, set[str]] = {}
        for source in found:
            person = f"{int(source.path.name[:2]) % 5:02d}"
            people.setdefault(str(source.split), set()).add(person)
        assert people == {
            "train": {"00", "01", "02"},
            "validation": {"03"},
            "test": {"04"},
        }, kind


def test_one_person_alone_is_divided_by_name(tmp_path: Path) -> None:
    for place in range(10):
        make.write_picture(tmp_path / f"sub-1/{place}.png", place, size=(32, 32))
    splits = [source.split for source in Folder(16).sources(tmp_path)]
    assert splits == ["train"] * 9 + ["test"]
