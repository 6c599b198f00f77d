"""The bundled images: what is loaded, what is refused, and that the files are the recorded ones."""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from kit import ROOT
from torch import Tensor

from reilab import bundle
from reilab.datasets.bundled import (
    BUNDLED,
    Part,
    attenuation_from_hu,
    load_bundled,
    quarter,
    shrink,
)
from reilab.datasets.catalogue import image_splits

DATA = ROOT / "data"
SIZES = (64, 96, 256)
COUNTS = {
    ("urban", "train"): 19,
    ("urban", "validation"): 5,
    ("urban", "test"): 8,
    ("knee", "train"): 44,
    ("knee", "validation"): 12,
    ("knee", "test"): 16,
    ("brain", "train"): 66 + 113,
    ("brain", "validation"): 9,
    ("brain", "test"): 6,
    ("ct", "train"): 81,
    ("ct", "validation"): 20,
    ("ct", "test"): 31,
}

images = cache(load_bundled)
every_case = pytest.mark.parametrize(
    ("name", "split", "size"), [(*case, size) for case in COUNTS for size in SIZES]
)


def digests(batch: Tensor) -> list[bytes]:
    return [hashlib.sha256(image.numpy().tobytes()).digest() for image in batch]


@every_case
def test_shape_and_range(name: str, split: str, size: int) -> None:
    batch = images(name, split, size)
    count = COUNTS[name, split] * (4 if name == "urban" and size <= 128 else 1)
    assert batch.shape == (count, BUNDLED[name].channels, size, size)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous()
    assert torch.isfinite(batch).all()
    assert batch.min() >= 0
    assert batch.max() <= 1


@every_case
def test_no_image_is_blank(name: str, split: str, size: int) -> None:
    batch = images(name, split, size)
    assert batch.std(dim=(1, 2, 3)).min() > 0.03
    assert batch.amax(dim=(1, 2, 3)).min() > 0.3


def test_every_set_is_counted_here() -> None:
    found = {(name, split) for name, item in BUNDLED.items() for split in item.splits}
    assert found == set(COUNTS)


def parts_of(name: str) -> list[Part]:
    return [part for parts in BUNDLED[name].splits.values() for part in parts]


@pytest.mark.parametrize("name", BUNDLED)
def test_no_two_splits_show_the_same_person_or_building(name: str) -> None:
    item = BUNDLED[name]
    shown = [subject for split in item.splits for subject in item.subjects(split)]
    if item.of_one_person:
        assert len(set(shown)) == 1
        assert "one knee in all splits" in item.description
    else:
        assert len(set(shown)) == len(shown)
        # Nor is one file in two splits, whatever is written about it.
        files = [part.file for part in parts_of(name)]
        assert len(set(files)) == len(files)


def test_only_the_knee_is_of_one_person() -> None:
    assert [name for name, item in BUNDLED.items() if item.of_one_person] == ["knee"]


@pytest.mark.parametrize("name", BUNDLED)
def test_loading_twice_gives_the_same(name: str) -> None:
    first = load_bundled(name, "test", 96)
    load_bundled.cache_clear()
    assert torch.equal(first, load_bundled(name, "test", 96))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", BUNDLED)
def test_all_images_differ(name: str, size: int) -> None:
    found = [one for split in BUNDLED[name].splits for one in digests(images(name, split, size))]
    assert len(found) == len(set(found))


def test_attenuation() -> None:
    hu = np.array([[[-1024, -1000, 0, 1000, 3000]]], dtype=np.int16)
    assert attenuation_from_hu(hu).flatten().tolist() == [0, 0, 0.5, 1, 1]


def test_ct_shows_air_and_soft_tissue() -> None:
    for split in BUNDLED["ct"].splits:
        batch = images("ct", split, 256)
        assert batch[:, :, :4].median() == 0
        # Soft tissue lies between -150 and 150 HU and fills much of every slice.
        tissue = ((batch > 0.425) & (batch < 0.575)).float().mean(dim=(1, 2, 3))
        assert tissue.min() > 0.1


def test_shrink_keeps_the_mean() -> None:
    ramp = torch.linspace(0, 1, 256).expand(1, 1, 256, 256)
    for size in (32, 96, 100, 256):
        reduced = shrink(ramp, size)
        assert reduced.mean().item() == pytest.approx(0.5, abs=1e-4)
        assert reduced[0, 0, 0].diff().min() > 0


def test_quarters_are_cut_in_reading_order() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert quarter(image)[:, 0, 0, 0].tolist() == [0, 2, 8, 10]


def test_manifest_covers_the_files_as_they_are() -> None:
    manifest = json.loads((DATA / "MANIFEST.json").read_text(encoding="utf-8"))
    assert set(manifest) == {path.name for path in DATA.glob("*.npz")}
    assert set(manifest) == {part.file for name in BUNDLED for part in parts_of(name)}
    for file, entry in manifest.items():
        content = (DATA / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], file
        assert (DATA / entry["licence_text"]).stat().st_size > 0
        with np.load(DATA / file, allow_pickle=False) as arrays:
            assert set(arrays.files) == set(entry["arrays"])
            for name, array in arrays.items():
                recorded = entry["arrays"][name]
                assert [list(array.shape), str(array.dtype)] == [
                    recorded["shape"],
                    recorded["dtype"],
                ]
                assert hashlib.sha256(array.tobytes()).hexdigest() == recorded["sha256"]


def test_sets_name_the_licence_of_the_manifest() -> None:
    manifest = json.loads((DATA / "MANIFEST.json").read_text(encoding="utf-8"))
    for name in BUNDLED:
        for part in parts_of(name):
            entry = manifest[part.file]
            assert part.licence == entry["licence"]
            assert part.licence in BUNDLED[name].licence
            assert part.source == f"{entry['package']} {entry['version']} ({entry['registry']})"


@pytest.mark.parametrize("name", BUNDLED)
def test_splits_are_train_validation_test(name: str) -> None:
    channels = BUNDLED[name].channels
    for split, samples in zip(
        ("train", "validation", "test"), image_splits(name, 32, channels), strict=True
    ):
        assert samples is not None
        found = samples.batch(torch.arange(len(samples))).x
        assert found is not None
        assert torch.equal(found, images(name, split, 32))


def test_heads_fill_the_same_frame() -> None:
    """All heads are in the middle: what is cut off at small sizes is the margin."""
    for split in BUNDLED["brain"].splits:
        whole, small = images("brain", split, 256), images("brain", split, 208)
        top, left, side = 33, 21, 208
        assert torch.equal(small, whole[..., top : top + side, left : left + side])
        assert small.sum() > 0.99 * whole.sum()


def test_unknown_name_and_split_name_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"unknown bundled set 'kne'.*'knee'"):
        load_bundled("kne", "train", 64)
    with pytest.raises(ValueError, match=r"unknown split 'tests'.*'test'"):
        load_bundled("knee", "tests", 64)


@pytest.mark.parametrize("size", [0, 15, 257, 320])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"size {size} is not possible: .* from 16 to 256"):
        load_bundled("knee", "test", size)


def test_missing_file_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "__file__", str(tmp_path / "reilab" / "bundle.py"))
    load_bundled.cache_clear()
    with pytest.raises(FileNotFoundError, match="make data"):
        load_bundled("knee", "test", 64)
