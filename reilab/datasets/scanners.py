"""K-space in the files of fastMRI and ISMRMRD, as ``datasets.acquired`` takes it.

Columns are lines; those of zeros were not measured. If a header says how many rows an image has,
the rest of the field of view, which scanners oversample, is cut off along the lines. K-space of one
coil is divided by the largest magnitude of its zero-filled images; that of several is left to
``datasets.coils``, with the readings of noise that ISMRMRD may have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from reilab.datasets.formats.arrays import HeldArrays, whole
from reilab.foreign import UnreadableError, check_shape, told

#: Flags of ISMRMRD, counted from 1: noise, calibration alone, navigators and other corrections.
NO_LINES = sum(1 << (bit - 1) for bit in (19, 20, 23, 24, 26, 27, 28))
NOISE, BACKWARDS = 1 << 18, 1 << 21
#: Counters that tell the images of ISMRMRD apart.
COUNTERS = ("slice", "contrast", "phase", "repetition", "set")


def scanned(held: HeldArrays) -> dict[str, NDArray[Any]] | None:
    """Arrays of a scanner's file; ``None`` if it is another.

    ``y`` (N, H, W), or (N, coils, H, W), ``mask`` (W,), and ``noise`` (coils, n) if it was read.

    Raises:
        UnreadableError: k-space of volumes, or of lines in disorder.
    """
    header, noise = None, None
    if "kspace" in held:
        kspace = held["kspace"]
        if "ismrmrd_header" in held:
            header = _header(held.find("ismrmrd_header"))
    elif "dataset" in held:
        header = _header(held.find("dataset/xml"))
        kspace, noise = _lines(held.find("dataset/data"), header)
    else:
        return None
    if kspace.ndim not in (3, 4) or kspace.dtype.kind != "c":
        raise UnreadableError(
            f"holds k-space of shape {told(kspace.shape)}; needs complex slices × rows × columns, "
            "or slices × coils × rows × columns"
        )
    mask = (kspace != 0).any(tuple(range(kspace.ndim - 1)))
    if "mask" in held:
        mask = mask & _columns(held["mask"], kspace)
    if not mask.any():
        raise UnreadableError("holds k-space of zeros")
    y = np.where(mask, kspace, 0).astype(np.complex64)
    if header is not None:
        y = _cut(y, _number(header, "reconSpace", "matrixSize", "x"))
    if y.ndim == 4:
        return {"y": y, "mask": mask} | ({} if noise is None else {"noise": noise})
    peak = max(float(np.abs(np.fft.ifft2(one, norm="ortho")).max()) for one in y)
    return {"y": y / np.float32(peak), "mask": mask}


def _columns(mask: NDArray[Any], kspace: NDArray[Any]) -> NDArray[np.bool_]:
    if mask.size != kspace.shape[-1]:
        raise UnreadableError(
            f"has a mask of shape {told(mask.shape)}, and k-space of {told(kspace.shape)} has "
            f"{kspace.shape[-1]} columns: lines are columns here; swap the last two axes"
        )
    return mask.astype(bool).ravel()


def _header(node: Any) -> Any:
    """The XML of ISMRMRD; what names other texts in it is refused before it grows."""
    if node.size != 1:
        raise UnreadableError("has a header that is not one text")
    (text,) = np.ravel(whole(node))
    try:
        return fromstring(text)
    except Exception as error:
        raise UnreadableError(f"has a header that is no plain XML: {error}") from None


def _number(header: Any, *names: str) -> int:
    found = header.findtext(".//" + "/".join(f"{{*}}{name}" for name in names))
    if not (found or "").strip().isdecimal() or not 0 < int(found) <= 2**16:
        raise UnreadableError(f"has a header with {found!r} for {'.'.join(names)}")
    return int(found)


def _lines(data: Any, header: Any) -> tuple[NDArray[np.complex64], NDArray[np.complex64] | None]:
    """K-space (N, H, W), or (N, coils, H, W), and any noise (coils, n), of the readouts of ISMRMRD.

    Means where lines were measured again.
    """
    rows = _number(header, "encodedSpace", "matrixSize", "x")
    columns = _number(header, "encodedSpace", "matrixSize", "y")
    middle = _number(header, "kspace_encoding_step_1", "center")
    check_shape(data.shape, data.dtype.itemsize)
    every = data.fields("head")[()]
    heads, places = every[keep := every["flags"] & NO_LINES == 0], np.flatnonzero(keep)
    if not len(heads):
        raise UnreadableError("holds no lines of k-space")
    if (heads["flags"] & BACKWARDS).any() or heads["idx"]["kspace_encode_step_2"].any():
        raise UnreadableError(
            "holds lines that run backwards, or a volume; needs slices, line by line"
        )
    coils = max(1, int(heads["active_channels"][0]))
    if (heads["active_channels"].clip(1) != coils).any() or heads["trajectory_dimensions"].any():
        raise UnreadableError("holds lines of other coils each, or no Cartesian ones")
    counters = np.stack([heads["idx"][name] for name in COUNTERS], 1)
    images, owner = np.unique(counters, axis=0, return_inverse=True)
    check_shape((len(images), coils, rows, columns), np.dtype(np.complex64).itemsize)
    sums = np.zeros((len(images), coils, rows, columns), np.complex64)
    counts = np.zeros((len(images), 1, 1, columns), np.int64)
    for head, place, image in zip(heads, places, owner.ravel(), strict=True):
        line = _readout(data, place, coils)
        column = int(head["idx"]["kspace_encode_step_1"]) + columns // 2 - middle
        top = rows // 2 - int(head["center_sample"])
        if not (0 <= column < columns and 0 <= top < top + line.shape[1] <= rows):
            raise UnreadableError(f"has a readout, {place}, outside of its k-space")
        sums[image, :, top : top + line.shape[1], column] += line
        counts[image, ..., column] += 1
    if ((counts > 0) != (counts[:1] > 0)).any():
        raise UnreadableError("has other lines in each image; one run has one mask")
    sums /= np.maximum(counts, 1)
    if coils == 1:
        return sums[:, 0], None
    dwell = heads["sample_time_us"][0] * counts[counts > 0].mean()
    return sums, _noise(data, every, coils, dwell, header)


def _readout(data: Any, place: Any, coils: int) -> NDArray[np.complex64]:
    line: NDArray[np.complex64] = data[place]["data"].view(np.complex64)
    if line.size % coils:
        raise UnreadableError(f"has a readout, {place}, that is not one of {coils} coils")
    return line.reshape(coils, -1)


def _noise(
    data: Any, heads: Any, coils: int, dwell: float, header: Any
) -> NDArray[np.complex64] | None:
    """Readings without a signal (coils, n), as noisy as lines that took ``dwell`` µs a sample.

    The variance goes with the bandwidth, of which the header may say how much the receiver has
    (Kellman & McVeigh, Magnetic Resonance in Medicine 54, 2005).
    """
    places = np.flatnonzero(heads["flags"] & NOISE)
    if not len(places):
        return None
    noise = np.concatenate([_readout(data, place, coils) for place in places], 1)
    own = float(heads["sample_time_us"][places[0]])
    share = float(header.findtext(".//{*}relativeReceiverNoiseBandwidth") or 1)
    scale = own / (dwell * share) if own > 0 and dwell > 0 and share > 0 else 1.0
    noise *= np.float32(scale**0.5)
    return noise


def _cut(y: NDArray[np.complex64], rows: int) -> NDArray[np.complex64]:
    """The k-space (…, rows, W) of the middle rows of the images of y (…, H, W)."""
    spare = y.shape[-2] - rows
    if spare <= 0:
        return y
    image = _centred(np.fft.ifft, y)[..., spare // 2 : spare // 2 + rows, :]
    return _centred(np.fft.fft, image).astype(np.complex64)


def _centred(transform: Any, array: NDArray[Any]) -> NDArray[Any]:
    """A transform along the rows, orthonormal, zero in the centre before and after."""
    found: NDArray[Any] = transform(np.fft.ifftshift(array, -2), axis=-2, norm="ortho")
    return np.fft.fftshift(found, -2)
