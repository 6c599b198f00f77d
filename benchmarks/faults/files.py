"""Files of strangers, spoiled: images, measurements, masks, angles, weights, checkpoints.

Among them are files in the layouts of fastMRI, ISMRMRD, CT100 and Urban100.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import nibabel
import numpy as np
import pydicom
import torch
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, RLELossless
from safetensors.torch import save_file
from scipy.io import savemat

from benchmarks.faults import Attack

SUBJECT = "files of strangers"
COUNT = 1000
SIZE = 32
#: What a file may cost: memory beside what the libraries take, and seconds.
MOST_MEMORY, MOST_SECONDS = 2**30, 20
#: Files that one child reads.
AT_ONCE = 400
LONGEST_LINE = 600


def scene() -> NDArray[np.float32]:
    """A picture with edges and a slope, in [0, 1]."""
    y, x = np.mgrid[0 : 1 : SIZE * 1j, 0 : 1 : SIZE * 1j]
    picture: NDArray[np.float32] = ((x + y) / 2 * ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.2)).astype(
        "f4"
    )
    return picture


def bytes_of(scale: float = 255, kind: str = "u1") -> Image.Image:
    """The picture in whole numbers."""
    return Image.fromarray((scene() * scale).astype(kind))


def kspace() -> NDArray[np.complex64]:
    """Two measurements of all columns but some."""
    found = np.fft.fftshift(np.fft.fft2(np.stack([scene(), scene().T]), norm="ortho"), (1, 2))
    return np.asarray(found * MASK, np.complex64)


MASK = np.arange(SIZE) % 3 != 1


def write_hdf5(path: Path, arrays: Mapping[str, Any]) -> None:
    """Arrays by name, the large ones in compressed pieces."""
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip" if np.ndim(array) else None)


def fourier(images: NDArray[Any]) -> NDArray[np.complex64]:
    """Centred and orthonormal, of (N, H, W)."""
    whole = np.fft.fft2(np.fft.ifftshift(images, (1, 2)), norm="ortho")
    return np.asarray(np.fft.fftshift(whole, (1, 2)), np.complex64)


HEADER = f"""<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>{SIZE}</x><y>{SIZE}</y><z>1</z></matrixSize></encodedSpace>
<reconSpace><matrixSize><x>{SIZE // 2}</x><y>{SIZE}</y><z>1</z></matrixSize></reconSpace>
<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>{SIZE - 1}</maximum>
<center>{SIZE // 2}</center></kspace_encoding_step_1></encodingLimits>
</encoding></ismrmrdHeader>""".encode()


def write_fastmri(path: Path, truth: bool = True) -> None:
    """A volume of two slices, as fastMRI publishes it to learn from, or to be measured by."""
    volume = fourier(np.stack([scene(), scene().T]))
    held = {"reconstruction_esc": np.stack([scene(), scene().T])} if truth else {"mask": MASK}
    write_hdf5(path, {"kspace": volume if truth else volume * MASK, **held})
    with h5py.File(path, "a") as file:
        file["ismrmrd_header"] = HEADER
        file.attrs["max"] = float(scene().max())


def write_ismrmrd(path: Path) -> None:
    """The lines of two slices, as scanners send them."""
    data = ismrmrd.Dataset(str(path), "dataset", True)
    data.write_xml_header(HEADER)
    for place, lines in enumerate(fourier(np.stack([scene(), scene().T]))):
        for column in np.flatnonzero(MASK):
            line = ismrmrd.Acquisition.from_array(lines[None, :, column])
            line.idx.kspace_encode_step_1, line.idx.slice = int(column), place
            line.center_sample = SIZE // 2
            data.append_acquisition(line)
    data.close()


def write_matlab_73(path: Path) -> None:
    """HDF5 behind a banner of 512 bytes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["data"] = scene()
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")


def write_dicom(path: Path, packed: bool = False) -> None:
    """A slice of 12 bits."""
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = MRImageStorage, "1.2.3", "MR"
    data.Rows, data.Columns, data.SamplesPerPixel = SIZE, SIZE, 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME1", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.RescaleSlope, data.RescaleIntercept = 2, -100
    data.PixelData = (scene() * 4000).astype("<u2").tobytes()
    if packed:
        data.compress(RLELossless, generate_instance_uid=False)
    data.save_as(path, enforce_file_format=True)


def write_nifti(path: Path) -> None:
    """A volume of four slices."""
    volume = np.stack([scene()] * 4, -1)
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([1, -1, 2, 1])), path)


def write_checkpoint(path: Path) -> None:
    """Weights beside a position, as reilab keeps them."""
    position = {"method": "ei", "step": 3, "weights": {"mc": 1.0}, "learning_rate": 1e-3}
    told = json.dumps({**position, "assumed_noise": 0.1, "network": None, "best": None})
    save_file({"network.images.last.weight": torch.ones(9, 9)}, path, {"reilab": told})


#: A sound file by its name: the door it is for, and how it is written.
ORIGINALS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "grey.png": ("image", lambda p: bytes_of().save(p)),
    "deep.png": ("image", lambda p: bytes_of(4000, "u2").save(p)),
    "palette.png": ("image", lambda p: bytes_of().convert("P").save(p)),
    "photo.jpg": ("image", lambda p: bytes_of().convert("RGB").save(p)),
    "pages.tif": ("image", lambda p: bytes_of().save(p, save_all=True, append_images=[bytes_of()])),
    "packed.tif": ("image", lambda p: bytes_of().save(p, compression="tiff_lzw")),
    "array.npy": ("image", lambda p: np.save(p, scene())),
    "arrays.npz": ("image", lambda p: np.savez_compressed(p, image=scene(), idx=np.arange(9))),
    "tensor.pt": ("image", lambda p: torch.save({"x": torch.from_numpy(scene())}, p)),
    "tree.h5": ("image", lambda p: write_hdf5(p, {"group/images": scene(), "small": 1.0})),
    "old.mat": ("image", lambda p: savemat(p, {"data": scene()}, do_compression=True)),
    "plain.mat": ("image", lambda p: savemat(p, {"data": scene()})),
    "new.mat": ("image", write_matlab_73),
    "scan.dcm": ("image", write_dicom),
    "packed.dcm": ("image", partial(write_dicom, packed=True)),
    "1.2.840.10008": ("image", write_dicom),
    "head.nii": ("image", write_nifti),
    "head.nii.gz": ("image", write_nifti),
    "knee.h5": ("measured", lambda p: write_hdf5(p, {"kspace": kspace(), "mask": MASK})),
    "y.h5": ("measured", lambda p: write_hdf5(p, {"y": kspace(), "mask": MASK})),
    "y.npz": ("measured", lambda p: np.savez(p, y=kspace(), mask=MASK)),
    "volume.h5": ("fastmri", write_fastmri),
    "again.h5": ("complex", write_fastmri),
    "volumes.pt": (
        "fastmri",
        lambda p: torch.save(torch.from_numpy(scene())[None].tile(2, 1, 1), p),
    ),
    "undersampled.h5": ("scanned", partial(write_fastmri, truth=False)),
    "lines.h5": ("scanned", write_ismrmrd),
    "slice.dcm": ("ct100", write_dicom),
    "slice.tif": ("ct100", lambda p: bytes_of(3000, "u2").save(p)),
    "slices.npz": ("ct100", lambda p: np.savez(p, image=np.stack([scene() * 2000 - 900] * 2))),
    "CT100_256x256.mat": ("ct100", lambda p: savemat(p, {"DATA": np.stack([scene()] * 2, -1)})),
    "img_001_SRF_2_HR.png": ("urban100", lambda p: bytes_of().convert("RGB").save(p)),
    "columns.npy": ("mask", lambda p: np.save(p, MASK)),
    "pattern.png": ("mask", lambda p: Image.fromarray(np.tile(MASK, (SIZE, 1))).save(p)),
    "angles.txt": ("angles", lambda p: p.write_text(", ".join(map(str, range(0, 180, 20))))),
    "net.pth.tar": ("weights", lambda p: torch.save({"state_dict": {"a": torch.ones(9)}}, p)),
    "old.pt": (
        "weights",
        lambda p: torch.save({"a": torch.ones(9)}, p, _use_new_zipfile_serialization=False),
    ),
    "own.safetensors": ("checkpoint", write_checkpoint),
}

#: Numbers that headers should not hold.
ABSURD = [
    (2**bits - 1).to_bytes(n, order)
    for bits, n in ((31, 4), (32, 4), (63, 8), (15, 2))
    for order in ("little", "big")
]


def flip(content: bytearray, rng: random.Random) -> str:
    """Up to eight bytes changed, half of them where headers are."""
    places = [
        rng.randrange(min(len(content), rng.choice((400, 10**9)))) for _ in range(rng.randint(1, 8))
    ]
    for place in places:
        content[place] = rng.randrange(256)
    return f"bytes {places} changed"


def cut(content: bytearray, rng: random.Random) -> str:
    """The end is missing."""
    kept = rng.randrange(len(content))
    del content[kept:]
    return f"cut after {kept} bytes"


def claim(content: bytearray, rng: random.Random) -> str:
    """A number that is absurd, where headers are."""
    number, place = rng.choice(ABSURD), rng.randrange(min(len(content), 700))
    content[place : place + len(number)] = number
    return f"{number.hex()} at {place}"


def digits(content: bytearray, rng: random.Random) -> str:
    """Every number that is written out, as in headers of text, made a thousand million times it."""
    places = [i for i, letter in enumerate(content) if chr(letter).isdigit()]
    for place in rng.sample(places, min(3, len(places)))[::-1]:
        content[place:place] = b"999999999"
    return "digits inserted"


def double(content: bytearray, rng: random.Random) -> str:
    """A piece is there twice."""
    start = rng.randrange(len(content))
    piece = content[start : start + rng.randint(1, 4000)]
    content[start:start] = piece
    return f"{len(piece)} bytes from {start} doubled"


SPOILED = (flip, cut, claim, digits, double)


#: Changes the bytes of the file of a name, and says how.
Spoil = Callable[[str, bytearray, random.Random], str]


def attacks(rng: random.Random, count: int, scratch: Path) -> Iterator[Attack]:
    """Each spoiled in one of five ways."""
    return spoiled(
        rng, count, scratch, lambda name, content, rng: rng.choice(SPOILED)(content, rng)
    )


def spoiled(rng: random.Random, count: int, scratch: Path, spoil: Spoil) -> Iterator[Attack]:
    """Sound files in turn, each spoiled; children read them, many each."""
    (scratch / "sound").mkdir()
    for name, (_, write) in ORIGINALS.items():
        write(scratch / "sound" / name)
    names = cycle(ORIGINALS)
    for done in range(0, count, AT_ONCE):
        group = islice(names, min(AT_ONCE, count - done))
        told = [copied(scratch, place, name, rng, spoil) for place, name in enumerate(group)]
        found = read_in_children(scratch, [path for path, _ in told])
        for path, how in told:
            yield Attack(f"{path.name.partition('-')[2]}: {how}", partial(found.get, str(path)))
            path.unlink()


def copied(
    scratch: Path, place: int, name: str, rng: random.Random, spoil: Spoil
) -> tuple[Path, str]:
    """A spoiled copy of a sound file, and what was done to it."""
    content = bytearray((scratch / "sound" / name).read_bytes())
    how = spoil(name, content, rng)
    path = scratch / f"{place}-{name}"
    path.write_bytes(content)
    return path, how


def read_in_children(scratch: Path, paths: Sequence[Path]) -> dict[str, str]:
    """What was wrong with reading each file, if anything; the file that ends a child is told."""
    wrong: dict[str, str] = {}
    waiting = [str(path) for path in paths]
    while waiting:
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.faults.files", str(scratch / "sound")],
            input="\n".join(waiting),
            capture_output=True,
            text=True,
            check=False,
        )
        answers = [json.loads(line) for line in child.stdout.splitlines()]
        wrong |= {path: reason for path, reason in answers if reason}
        waiting = waiting[len(answers) :]
        if waiting:
            wrong[waiting[0]] = f"ended its reader: {child.returncode} {child.stderr[-300:]}"
            waiting = waiting[1:]
    return wrong


def doors() -> dict[str, Callable[[Path], object]]:
    """What reads the files of each kind."""
    from reilab.datasets.acquired import parse_kspace, read_measured
    from reilab.datasets.ct100 import CT100
    from reilab.datasets.fastmri import FastMRI
    from reilab.datasets.folder import Folder
    from reilab.datasets.formats.reader import person_in
    from reilab.datasets.layouts import load_angles, load_kspace_mask
    from reilab.datasets.recipe import Recipe, Source
    from reilab.datasets.urban100 import Urban100
    from reilab.foreign import UnreadableError, WithoutTruthError
    from reilab.nets.weights import read_torch_weights
    from reilab.training.checkpoint import read_network

    def prepared(*recipes: Recipe) -> Callable[[Path], object]:
        def read(path: Path) -> None:
            person_in(path)
            for recipe in recipes:
                try:
                    found = list(recipe.read(Source(path, None)))
                except (UnreadableError, WithoutTruthError) as error:
                    # Others would end the preparation of all files.
                    raise ValueError(*error.args) from None
                except ValueError as error:
                    raise TypeError(f"no UnreadableError: {error}") from error
                assert all(1 >= one.image.max() >= one.image.min() >= recipe.low for one in found)

        return read

    return {
        "image": prepared(Folder(16)),
        "fastmri": prepared(FastMRI("real", 16)),
        "complex": prepared(FastMRI("complex", 16, scale="volume")),
        "ct100": prepared(CT100(16)),
        "urban100": prepared(Urban100(16)),
        "measured": lambda path: parse_kspace(SIZE, 16, read_measured(path)),
        "scanned": lambda path: parse_kspace(SIZE // 2, 16, read_measured(path)),
        "mask": lambda path: load_kspace_mask(str(path), SIZE),
        "angles": lambda path: load_angles(str(path)),
        "weights": read_torch_weights,
        "checkpoint": read_network,
    }


def judged(door: Callable[[Path], object], path: Path) -> str:
    """What was wrong: all but a result, or one line about the file."""
    try:
        door(path)
    except (ValueError, FileNotFoundError) as error:
        told = str(error)
        return "" if told and "\n" not in told and len(told) < LONGEST_LINE else f"says {told!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main(sound: Path) -> None:
    """A child: read the sound files, then, in narrow bounds, those that are named."""
    read = doors()
    for name, (door, _) in ORIGINALS.items():
        read[door](sound / name)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_MEMORY,) * 2)
    for line in sys.stdin.read().splitlines():
        signal.alarm(MOST_SECONDS)
        door, _ = ORIGINALS[Path(line).name.partition("-")[2]]
        print(json.dumps([line, judged(read[door], Path(line))]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
