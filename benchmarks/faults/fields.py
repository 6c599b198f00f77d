"""Files of strangers whose fields are changed: sound in their form, and absurd in what they say.

Where ``files`` changes bytes, of which checksums and packing let few get far, this one knows the
formats: a header is unpacked, one field of it becomes something else, and all is packed again.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import pickletools
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np

from benchmarks.faults import Attack
from benchmarks.faults.files import spoiled

SUBJECT = "fields of files"
COUNT = 1000
#: Numbers that are none of what a field may hold; others come from what it holds.
NUMBERS = (0, 1, -1, 2, 3, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, -(2**31))
FRACTIONS = (0.0, -1.0, 1e-40, 1e30, float("inf"), float("nan"))
TEXTS = ("", "x", "-1", "0", "nan", "1e400", "9" * 40, "1\\0", "\\", "é", "\0", "../x", "RGB")
#: Numpy's names of types, some of which hold no numbers.
TYPES = (
    "?",
    ">f8",
    "<f2",
    "<f16",
    "<c16",
    "<u8",
    "<i1",
    "|S9",
    "<U3",
    "|O",
    "|V8",
    "<M8[s]",
    "4f4",
)


def another(rng: random.Random, number: int) -> int:
    """A whole number in the place of one."""
    near = (number + 1, number - 1, 2 * number, number // 2, -number, rng.randrange(300))
    return rng.choice(NUMBERS if rng.random() < 0.6 else near)


def put(content: bytearray, place: int, kind: str, rng: random.Random) -> str:
    """Another number (a letter of ``struct`` behind ``<`` or ``>``) at a place."""
    size = struct.calcsize(kind)
    (before,) = struct.unpack_from(kind, content, place)
    if kind[-1] in "fd":
        now: float = rng.choice(FRACTIONS)
        struct.pack_into(kind, content, place, now)
    else:
        now = another(rng, before) % 2 ** (8 * size)
        struct.pack_into(kind[0] + kind[1].upper(), content, place, now)
    return f"{before} at {place} is {now}"


def numpy_header(content: bytearray, rng: random.Random) -> str:
    """Type, order or shape of an NPY file."""
    length = 10 + struct.unpack_from("<H", content, 8)[0]
    held = np.lib.format.read_array_header_1_0(io.BytesIO(content[8:]))
    told: dict[str, Any] = {
        "descr": np.lib.format.dtype_to_descr(held[2]), "fortran_order": held[1], "shape": held[0],
    }  # fmt: skip
    name = rng.choice((*told, "shape", "shape"))
    shape = list(told["shape"])
    if name == "shape" and shape:
        place = rng.randrange(len(shape))
        shape[place] = another(rng, shape[place])
        told["shape"] = rng.choice([tuple(shape), tuple(shape), tuple(shape[1:]), (1, *shape)])
    else:
        told[name] = rng.choice([*TYPES, [("a", "<f4")], 3, None, True])
    version = bytes(rng.choice(((1, 0), (1, 0), (1, 0), (2, 0), (3, 0), (9, 9))))
    text = repr(told).encode().ljust(60) + b"\n"
    size = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    content[:length] = b"\x93NUMPY" + version + size + text
    return f"{name}: {told}, version {version.hex()}"


def pickled(content: bytearray, rng: random.Random) -> str:
    """A number in the pickles that torch writes: of a shape, a stride, an offset, a storage."""
    stream, found = io.BytesIO(content), list[tuple[int, int, int]]()
    while stream.tell() < len(content):
        try:
            told = [*pickletools.genops(stream), (None, None, stream.tell())]
        except ValueError:
            break
        for (_, number, start), (_, _, end) in pairwise(told):
            if type(number) is int and start is not None and end is not None and end > start + 1:
                found.append((start, end, number))
    start, end, number = rng.choice(found)
    now = another(rng, number)
    content[start:end] = b"\x8a\x11" + now.to_bytes(17, "little", signed=True)
    return f"{number} at {start} is {now}"


#: Places and sizes of numbers behind the marks of a zip file.
ZIP = {
    b"PK\1\2": "4H 6H 8H 10H 16I 20I 24I 28H 30H 32H 42I",
    b"PK\3\4": "4H 6H 8H 14I 18I 22I 26H 28H",
    b"PK\5\6": "4H 8H 10H 12I 16I 20H",
}


def archived(content: bytearray, rng: random.Random) -> str:
    """A member of an archive, or what the archive says of it."""
    if rng.random() < 0.3:
        mark = rng.choice(list(ZIP))
        start = rng.choice([found.start() for found in re.finditer(re.escape(mark), content)])
        place, letter = re.findall(r"(\d+)(\w)", rng.choice(ZIP[mark].split()))[0]
        return "archive: " + put(content, start + int(place), f"<{letter}", rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: bytearray(archive.read(name)) for name in archive.namelist()}
    able = [name for name in members if name.endswith((".npy", ".pkl"))]
    name = rng.choice(able)
    how = (numpy_header if name.endswith(".npy") else pickled)(members[name], rng)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for member, held in members.items():
            archive.writestr(member, bytes(held))
    content[:] = stream.getvalue()
    return f"{name}: {how}"


def tiff(content: bytearray, rng: random.Random) -> str:
    """Tag, type, count or value of an entry of a directory, or where the next one is."""
    place, entries = 4, [(4, "<I")]
    while start := struct.unpack_from("<I", content, place)[0]:
        count = struct.unpack_from("<H", content, start)[0]
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            entries += [(entry, "<H"), (entry + 2, "<H"), (entry + 4, "<I"), (entry + 8, "<I")]
        place = start + 2 + 12 * count
        entries += [(start, "<H"), (place, "<I")]
    return put(content, *rng.choice(entries), rng)


def png(content: bytearray, rng: random.Random) -> str:
    """A chunk of a PNG, with a checksum that is right."""
    chunks, place = list[tuple[bytes, bytearray]](), 8
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        end = place + 8 + length
        chunks.append((bytes(content[place + 4 : place + 8]), content[place + 8 : end]))
        place = end + 4
    number = rng.randrange(len(chunks))
    name, data = chunks[number]
    if name == b"IHDR" or rng.random() < 0.5:
        number, (name, data) = 0, chunks[0]
        how = put(
            data, *rng.choice([(0, ">I"), (4, ">I"), *((at, ">B") for at in range(8, 13))]), rng
        )
    elif rng.random() < 0.5:
        name = rng.choice((b"PLTE", b"tRNS", b"gAMA", b"acTL", b"fdAT", b"eXIf", b"iCCP", b"zTXt"))
        how = f"it is {name!r}"
    else:
        data = data[: rng.randrange(len(data) + 1)] * rng.randrange(3)
        how = f"it has {len(data)} bytes"
    chunks[number] = name, data
    content[8:] = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return f"chunk {number}: {how}"


def jpeg(content: bytearray, rng: random.Random) -> str:
    """A number in a segment in front of the picture."""
    segments, place = list[tuple[int, int]](), 2
    while content[place + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", content, place + 2)
        segments.append((place, length))
        place += 2 + length
    start, length = rng.choice(
        [one for one in segments if content[one[0] + 1] != 0xDB or rng.random() < 0.2]
    )
    at = rng.choice((1, 2, 4, 5, 7, 9, 10, 11, 12, rng.randrange(2, 2 + length)))
    return f"segment {content[start + 1]:x}: " + put(
        content, start + at, rng.choice((">B", ">H")), rng
    )


def matlab(content: bytearray, rng: random.Random) -> str:
    """A word of what stands in front of the numbers of a MATLAB file, packed or not."""
    kind, length = struct.unpack_from("<II", content, 128)
    if kind != 15:
        return put(content, 128 + 4 * rng.randrange(18), "<I", rng)
    held = bytearray(zlib.decompress(content[136 : 136 + length]))
    how = put(held, 4 * rng.randrange(18), "<I", rng)
    packed = zlib.compress(held)
    content[128:] = struct.pack("<II", 15, len(packed)) + packed
    return f"unpacked: {how}"


def nifti(content: bytearray, rng: random.Random) -> str:
    """A field of the header."""
    is_packed = content[:2] == b"\x1f\x8b"
    whole = bytearray(gzip.decompress(content)) if is_packed else bytearray(content)
    head = np.ndarray((), nibabel.Nifti1Header.template_dtype, whole)
    how = field(head, rng)
    content[:] = gzip.compress(whole) if is_packed else whole
    return how


def field(record: Any, rng: random.Random, within: str = "") -> str:
    """A field of a record of numpy, or a field in one of its fields, becomes something else."""
    name = rng.choice(record.dtype.names)
    held, told = record[name], f"{within}{name}"
    if held.dtype.names:
        return field(held, rng, f"{told}.")
    place = rng.randrange(held.size)
    if held.dtype.kind == "S":
        now: Any = rng.choice(TEXTS).encode()[: held.dtype.itemsize]
    elif held.dtype.kind == "f":
        now = rng.choice(FRACTIONS)
    else:
        now = np.array(another(rng, int(held.flat[place]))).astype(held.dtype)
    held.flat[place] = now
    return f"{told}[{place}] is {now!r}"


LONG = (b"OB", b"OW", b"OF", b"OV", b"SQ", b"UN", b"UT", b"OD", b"OL")
DICOM_NUMBERS = {b"US": "<H", b"SS": "<h", b"UL": "<I", b"SL": "<i", b"FL": "<f", b"FD": "<d"}
#: What a file need not have: group, number, representation, value.
ADDED = (
    *((0x28, 0x08, b"IS", text) for text in (b"0 ", b"-1", b"2 ", b"99999999", b"1e9 ")),
    *((0x28, 0x30, b"DS", pair) for pair in (b"0\\1 ", b"nan\\1 ", b"1\\2\\3 ", b"1e9\\1 ")),
    *((0x28, 0x34, b"IS", pair) for pair in (b"0\\1 ", b"-1\\1", b"2 ")),
    *((0x28, at, b"DS", text) for at in (0x1052, 0x1053) for text in (b"1e300 ", b"nan ", b"0 ")),
    *((0x28, 0x06, b"US", number) for number in (b"\0\0", b"\1\0", b"\xff\xff")),
    (0x28, 0x1101, b"US", b"\0\0\0\0\x10\0"),
    (0x28, 0x1201, b"OW", b"\1\2"),
    (0x28, 0x3000, b"SQ", b""),
    (0x10, 0x20, b"LO", b"\xff\xfe\\"),
    (0x7FE0, 0x08, b"OF", bytes(8)),
    (0x7FE0, 0x01, b"OV", bytes(8)),
)  # fmt: skip


def dicom(content: bytearray, rng: random.Random) -> str:
    """An element changes its value, its kind or its length, or is lost, or is added."""
    found = list(elements(content))
    place, kind, start, end = rng.choice(found)
    tag, long, what = content[place : place + 4].hex(), kind in LONG, rng.random()
    if what < 0.15:
        group, number, kind, value = rng.choice(ADDED)
        size = struct.pack("<HI", 0, len(value)) if kind in LONG else struct.pack("<H", len(value))
        place = rng.choice([place for place, *_ in found if content[place] != 2])
        content[place:place] = struct.pack("<HH", group, number) + kind + size + value
        return f"{group:x},{number:x} {value!r} added"
    if what < 0.25:
        del content[place:end]
        return f"{tag} is lost"
    if what < 0.4:
        content[place + 4 : place + 6] = rng.choice((*LONG, *DICOM_NUMBERS, b"DS", b"UI", b"??"))
        return f"{tag} is of another kind"
    if what < 0.5:
        return f"{tag}: length " + put(content, place + (8 if long else 6), "<H", rng)
    if kind in DICOM_NUMBERS and start < end:
        return f"{tag}: " + put(content, start, DICOM_NUMBERS[kind], rng)
    now = bytes(content[start : rng.randint(start, end)]) if long else rng.choice(TEXTS).encode()
    content[start:end] = now
    struct.pack_into("<I" if long else "<H", content, start - (4 if long else 2), len(now))
    return f"{tag}: {now[:40]!r}, {len(now)} bytes"


def elements(content: bytearray) -> Iterator[tuple[int, bytes, int, int]]:
    """Of each element of DICOM its place, its kind, and where its value begins and ends."""
    place = 132
    while place + 8 <= len(content):
        kind = bytes(content[place + 4 : place + 6])
        form, at, start = ("<I", 8, place + 12) if kind in LONG else ("<H", 6, place + 8)
        end = start + struct.unpack_from(form, content, place + at)[0]
        if end > len(content):
            return
        yield place, kind, start, end
        place = end


def safetensors(content: bytearray, rng: random.Random) -> str:
    """A leaf of the header, or of the text in it."""
    (length,) = struct.unpack_from("<Q", content)
    told = json.loads(content[8 : 8 + length])
    own = json.loads(told["__metadata__"]["reilab"])
    how = leaf(rng.choice((told, own)), rng)
    if isinstance(told.get("__metadata__"), dict) and "reilab" in told["__metadata__"]:
        told["__metadata__"]["reilab"] = json.dumps(own)
    text = json.dumps(told).encode()
    content[: 8 + length] = struct.pack("<Q", len(text)) + text
    return how


def leaf(tree: Any, rng: random.Random) -> str:
    """Something in a tree of JSON becomes something else."""
    key = rng.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
    if isinstance(tree[key], dict | list) and tree[key] and rng.random() < 0.9:
        return f"{key}: {leaf(tree[key], rng)}"
    tree[key] = rng.choice([None, True, [], {}, "x", -1, 0, 2**63, 1e300, float("nan"), [[2**40]]])
    return f"{key} is {tree[key]!r}"


def words(content: bytearray, rng: random.Random) -> str:
    """A number that is written out."""
    found = rng.choice(list(re.finditer(rb"[\d.]+", bytes(content))))
    now = rng.choice(TEXTS).encode()
    content[found.start() : found.end()] = now
    return f"{found[0]!r} at {found.start()} is {now!r}"


def hdf5(content: bytearray, rng: random.Random) -> str:
    """A dataset is made anew: of another type, shape or filter, elsewhere, or of nothing."""
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        names: list[str] = []
        file.visititems(
            lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) else None
        )
        name = rng.choice(names)
        how = rng.choice(HDF5)
        if name.endswith(("header", "xml")) and rng.random() < 0.6:
            how = xml
        if name.endswith("dataset/data") and rng.random() < 0.6:
            how = lines
        told = how(file, name, rng)
    content[:] = stream.getvalue()
    return f"{name}: {how.__name__}: {told}"


def _anew(file: Any, name: str, **how: Any) -> None:
    held = file[name][()]
    del file[name]
    file.create_dataset(name, **{"data": held, **how})


def typed(file: Any, name: str, rng: random.Random) -> object:
    """Another type: of numbers, of texts, of records, of lengths that vary."""
    kinds = [one for one in TYPES if np.dtype(one).kind not in "UOM"]
    kinds += [h5py.string_dtype(), h5py.vlen_dtype("f4"), h5py.enum_dtype({"a": 1})]
    kind = rng.choice([*kinds, h5py.ref_dtype, [("r", "f4"), ("i", "f4")]])
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, kind)
    return kind


def shaped(file: Any, name: str, rng: random.Random) -> object:
    """Another shape, of which nothing is written: few bytes, and many zeros."""
    kind, shape = file[name].dtype, list(file[name].shape) or [1]
    place = rng.randrange(len(shape))
    shape[place] = min(abs(another(rng, shape[place])), 2**40)
    shape = rng.choice([shape, shape, [*shape, 2**12], shape[1:], [2**36], [0]])
    # What may be unpacked, and is worked on in copies, says nothing here.
    shape = [2**36] if 2**25 < math.prod(shape) * kind.itemsize <= 2**30 else shape
    del file[name]
    packed: dict[str, Any] = {}
    if shape and rng.random() < 0.7:
        chunks = tuple(min(max(extent, 1), 64) for extent in shape)
        packed = {"chunks": chunks, "maxshape": (None,) * len(shape)}
    file.create_dataset(name, shape, kind, **packed)
    return shape


def filtered(file: Any, name: str, rng: random.Random) -> object:
    """Other pieces, packed in another way, or in one that nobody knows."""
    shape, kind = file[name].shape, file[name].dtype
    if not shape or kind.kind not in "biufc":
        return "left as it is"
    chosen = rng.choice(("gzip", "lzf", "shuffle", "fletcher32", "scaleoffset", "unknown", "large"))
    if chosen == "scaleoffset" and kind.kind not in "iuf":
        chosen = "unknown"
    chunks = tuple(rng.randint(1, n) for n in shape)
    if chosen in ("gzip", "lzf"):
        _anew(file, name, chunks=chunks, compression=chosen)
    elif chosen in ("shuffle", "fletcher32", "scaleoffset"):
        _anew(file, name, chunks=chunks, **{chosen: True if chosen != "scaleoffset" else 1})
    else:
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk(chunks if chosen == "unknown" else tuple(2**9 for _ in shape))
        how.set_filter(32000 if chosen == "unknown" else h5py.h5z.FILTER_DEFLATE, 1, (9,))
        held = h5py.h5t.py_create(kind, logical=True)
        del file[name]
        space = h5py.h5s.create_simple(shape, (h5py.h5s.UNLIMITED,) * len(shape))
        h5py.h5d.create(file.id, name.encode(), held, space, how)
    return f"{chosen} of {chunks}"


def elsewhere(file: Any, name: str, rng: random.Random) -> object:
    """In another file, behind a link, or a group in the place of an array."""
    shape, kind = file[name].shape, file[name].dtype
    links: list[Any] = [
        h5py.SoftLink(f"/{name}"),
        h5py.SoftLink("/"),
        h5py.ExternalLink("/etc/passwd", "x"),
        file["/"],
    ]
    chosen = rng.choice((*links, "group", "external", "virtual"))
    del file[name]
    if chosen == "group":
        file.create_group(name)
    elif chosen == "external" and kind.kind in "biufc":
        file.create_dataset(name, shape, kind, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    elif chosen == "virtual" and shape:
        layout = h5py.VirtualLayout(shape, kind)
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape)
        file.create_virtual_dataset(name, layout)
    else:
        file[name] = chosen if not isinstance(chosen, str) else h5py.Empty("f4")
    return chosen


def attributed(file: Any, name: str, rng: random.Random) -> object:
    """What is written beside an array, or beside all."""
    node = rng.choice((file, file[name]))
    value = rng.choice(
        (float("nan"), -1.0, 0.0, "x", b"\xff", np.zeros(9), 1e300, h5py.Empty("f4"))
    )
    for attribute in ("max", "norm", "MATLAB_class"):
        node.attrs[attribute] = value
    return value


def xml(file: Any, name: str, rng: random.Random) -> object:
    """A word of a header of ISMRMRD, or the whole of it."""
    held = file[name][()]
    text = bytearray(held if isinstance(held, bytes) else held[0])
    told = words(text, rng) if rng.random() < 0.6 else ""
    if not told:
        old, new = rng.choice(XML)
        text[:], told = re.sub(old, new, bytes(text), count=1), f"{old!r} is {new[:20]!r}"
    del file[name]
    if isinstance(held, bytes):
        file[name] = np.void(bytes(text)) if b"\0" in text else bytes(text)
    else:
        file.create_dataset(
            name, data=[text.decode("latin1").replace("\0", "")], dtype=h5py.string_dtype()
        )
    return told


XML = (
    (rb"<recon.*?</recon\w+>", b""),
    (rb"<encoding>", b"<encoding/><encoding>"),
    (rb"<x>\d+</x>", b"<x><x>9</x></x>"),
    (rb"<ismrmrdHeader.*", b""),
    (rb"xmlns=\S+", b">"),
    (rb"\?>", b'?><!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]>'),
    (rb"\?>", b'?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'),
    (rb"<encoding>", b"<a>" * 100_000),
    (rb"1.0", b'1.0" encoding="utf-16'),
)


def lines(file: Any, name: str, rng: random.Random) -> object:
    """A number in the head of a line of k-space, or the number of its entries."""
    held = file[name][()]
    place = rng.randrange(len(held))
    if rng.random() < 0.2:
        held[place]["data"] = np.ones(rng.choice((0, 1, 7, 2**16)), np.float32)
        told = f"{len(held[place]['data'])} entries"
    else:
        told = field(held[place]["head"], rng)
    file[name][...] = held
    return f"line {place}: {told}"


HDF5 = (typed, shaped, filtered, elsewhere, attributed, shaped)
CHANGES: dict[str, Callable[[bytearray, random.Random], str]] = {
    ".npy": numpy_header, ".npz": archived, ".pt": archived, ".tar": archived, ".tif": tiff,
    ".png": png, ".jpg": jpeg, ".mat": matlab, ".nii": nifti, ".gz": nifti, ".dcm": dicom,
    ".10008": dicom, ".h5": hdf5, ".safetensors": safetensors, ".txt": words,
}  # fmt: skip
#: What their suffix does not tell.
EXCEPTIONS = {"new.mat": hdf5, "old.pt": pickled}


def change(name: str, content: bytearray, rng: random.Random) -> str:
    """A field of the file of a name becomes something else."""
    return EXCEPTIONS.get(name, CHANGES[Path(name).suffix])(content, rng)


def attacks(rng: random.Random, count: int, scratch: Path) -> Iterator[Attack]:
    """Each has one field changed."""
    return spoiled(rng, count, scratch, change)
