"""Small files in the true formats of the data sets, and damaged ones."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fastmri
import h5py
import nibabel
import numpy as np
import scipy.io
import torch
from fastmri.data.transforms import to_tensor
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

HEADER = """<?xml version="1.0" encoding="utf-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <encoding>
    <encodedSpace><matrixSize><x>{x}</x><y>{y}</y><z>1</z></matrixSize></encodedSpace>
    <reconSpace><matrixSize><x>{side}</x><y>{side}</y><z>1</z></matrixSize></reconSpace>
    <encodingLimits><kspace_encoding_step_1>
      <minimum>0</minimum><maximum>{last}</maximum><center>{middle}</center>
    </kspace_encoding_step_1></encodingLimits>
  </encoding>
</ismrmrdHeader>"""


def disc(side: int, seed: int = 0) -> NDArray[np.float64]:
    """A smooth picture in [0, 1] with black corners, another one for every seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    waves = sum(
        np.cos(rng.uniform(2, 9) * (x * np.cos(a) + y * np.sin(a))) for a in rng.uniform(0, 6, 3)
    )
    inside = (x**2 + y**2 < 0.8).astype(float)
    picture: NDArray[np.float64] = inside * (0.5 + waves / 6)
    return picture


def complex_volume(n_slices: int, height: int, width: int, seed: int) -> NDArray[np.complex64]:
    """Images with a slow phase, a different one in each slice."""
    phase = np.exp(1j * np.linspace(0, 2, width))[None, :]
    slices = []
    for place in range(n_slices):
        image = np.zeros((height, width), complex)
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        image[top : top + side, left : left + side] = disc(side, 100 * seed + place) * 1e-5
        slices.append(image * phase)
    return np.stack(slices).astype(np.complex64)


def write_fastmri(
    path: Path, seed: int = 0, truth: bool = True, leave_out: tuple[str, ...] = ()
) -> NDArray[np.complex64]:
    """A single-coil knee volume as fastMRI publishes it, smaller; its images, cropped."""
    n_slices, height, width, side = 5, 80, 46, 40
    images = complex_volume(n_slices, height, width, seed)
    kspace = torch.view_as_complex(fastmri.fft2c(to_tensor(images)).contiguous()).numpy()
    top, left = (height - side) // 2, (width - side) // 2
    cropped = images[:, top : top + side, left : left + side]
    path.parent.mkdir(parents=True, exist_ok=True)
    header = HEADER.format(x=height, y=width, side=side, last=width - 1, middle=width // 2)
    arrays: dict[str, Any] = {"kspace": kspace, "ismrmrd_header": header.encode()}
    if truth:
        arrays |= {
            "reconstruction_esc": np.abs(cropped).astype(np.float32),
            "reconstruction_rss": np.abs(cropped).astype(np.float32),
        }
    else:
        mask = np.arange(width) % 4 == 0
        arrays |= {"mask": mask, "kspace": kspace * mask}
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            if name not in leave_out:
                file[name] = value
        file.attrs["acquisition"] = "CORPD_FBK"
        if truth and "max" not in leave_out:
            file.attrs["max"] = float(np.abs(cropped).max())
            file.attrs["norm"] = float(np.linalg.norm(np.abs(cropped)))
    return cropped


def hounsfield(side: int, seed: int) -> NDArray[np.int16]:
    """A body of −200 to 800 HU in air."""
    picture = disc(side, seed)
    return np.where(picture > 0, picture * 1000 - 200, -1000).astype(np.int16)


def write_dicom(
    path: Path, seed: int = 0, side: int = 64, pixels: bool = True
) -> NDArray[np.int16]:
    """A CT slice as scanners write it: unsigned numbers, 1024 above HU; its HU."""
    hu = hounsfield(side, seed)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(seed)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    data.Modality = "CT"
    if pixels:
        data.Rows, data.Columns = side, side
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.PixelRepresentation = 0
        data.RescaleIntercept, data.RescaleSlope = -1024, 1
        data.PixelData = (hu + 1024).astype("<u2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return hu


def write_matlab_73(path: Path, name: str, array: NDArray[Any]) -> None:
    """What MATLAB writes with -v7.3: HDF5 behind a block of 512 bytes, axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        node = file.create_dataset(name, data=array.T)
        node.attrs["MATLAB_class"] = np.bytes_("double")
    words = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    with path.open("r+b") as file:
        file.write(words)


def write_picture(
    path: Path, seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (70, 90)
) -> None:
    """A picture of (height, width) in one of Pillow's modes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    side = max(size)
    grey = disc(side, seed)[: size[0], : size[1]]
    colours = np.stack([grey, grey**2, 1 - grey], -1)
    image = Image.fromarray((colours * 255).astype(np.uint8))
    image.convert(mode).save(path)


def write_nifti(path: Path, n_slices: int = 5) -> None:
    """A volume whose axes run to the right, to the front and to the head, the ends empty."""
    volume = np.zeros((40, 48, n_slices), np.float32)
    for place in range(1, n_slices - 1):
        volume[..., place] = disc(48, place)[4:44] * 300
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), path)


class Code:
    """Something that leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def write_pickled_npy(path: Path, mark: Path) -> None:
    np.save(path, np.array([Code(mark)], dtype=object), allow_pickle=True)


def write_pickled_npz(path: Path, mark: Path) -> None:
    np.savez(path, image=np.array([Code(mark)], dtype=object), allow_pickle=True)


def write_pickled_pt(path: Path, mark: Path) -> None:
    torch.save({"x": torch.zeros(9, 9), "code": Code(mark)}, path)


def write_bare_pickle(path: Path, mark: Path) -> None:
    path.write_bytes(pickle.dumps(Code(mark)))


def write_climbing_npz(path: Path) -> None:
    """An archive with an entry that would be written outside of a folder."""
    np.savez(path, image=disc(32))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../climbed.npy", b"")


def truncate(path: Path, share: float = 0.5) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def save_mat(path: Path, arrays: Mapping[str, NDArray[Any]], packed: bool = False) -> None:
    scipy.io.savemat(path, dict(arrays), do_compression=packed)


def npy_header(shape: tuple[int, ...], kind: str = "<f4") -> bytes:
    """How an NPY file of such numbers begins."""
    stream = io.BytesIO()
    header = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


def write_archive(path: Path, entry: str, content: bytes) -> None:
    """A zip file with one entry."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, content)
