"""From files in the formats of the data sets to a store, and from the store to training."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import h5py
import kit.data_files as make
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.functional import center_crop

import reilab
from reilab.datasets import samples as shelves
from reilab.datasets.catalogue import image_samples, load_images
from reilab.datasets.ct100 import CT100
from reilab.datasets.fastmri import FastMRI
from reilab.datasets.folder import Folder
from reilab.datasets.known import KNOWN
from reilab.datasets.prepare import Plan, Progress, prepare
from reilab.datasets.recipe import Recipe
from reilab.datasets.samples import OnDevice, StoredSamples, stored_samples
from reilab.datasets.store import FILE, OnDisk, Store, decode, encode, open_store, read_store
from reilab.datasets.urban100 import Urban100, padded_center
from reilab.runs.config import configure

pytestmark = pytest.mark.usefixtures("random_states_untouched")
TRAINING = {"steps": 2, "batch": 2, "log_every": 1, "evaluate_every": 2, "milestones": ()}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REILAB_DATA", str(tmp_path / "root"))
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def nobody(step: Progress) -> None:
    pass


def plan(name: str, recipe: Recipe, folder: Path, root: Path) -> Plan:
    return Plan(name, name if name in KNOWN else "folder", recipe, folder, root)


def images_of(store: Store, split: str) -> Tensor:
    stored = torch.from_numpy(np.stack(list(store.each(split))))
    return store.low + (1 - store.low) * decode(stored)


def names_of(store: Store, split: str) -> list[str]:
    return [known.source for known in store.images[split]]


# --- The formats of each data set: written, prepared, trained on ------------------------------


def fastmri_volumes(folder: Path) -> None:
    for place in range(3):
        make.write_fastmri(folder / f"knee_singlecoil_train/singlecoil_train/file{place}.h5", place)
    for place in range(2):
        make.write_fastmri(folder / f"singlecoil_val/file1{place}.h5", 10 + place)
    make.write_fastmri(folder / "singlecoil_test_v2/file9.h5", 20, truth=False)


def fastmri_tensor(folder: Path) -> None:
    slices = np.stack([make.disc(40, place) for place in range(14)]).astype(np.float32)
    torch.save(torch.from_numpy(slices)[:, None], folder / "fastmri_knee_4865_norm_single_slice.pt")


def urban(folder: Path) -> None:
    sizes = [(70, 90), (64, 64), (81, 65), (50, 40)]
    modes = ["RGB", "L", "RGBA", "P"]
    for place, (mode, size) in enumerate(zip(modes, sizes, strict=True)):
        make.write_picture(folder / f"train/img_{place:03}.png", place, mode, size)
    make.write_picture(folder / "test/class/img_009.png", 9)


def ct_dicom(folder: Path) -> None:
    for place in range(4):
        make.write_dicom(folder / f"dicom_dir/ID_{place:04}_AGE_0060_CONTRAST_1_CT.dcm", place)


def ct_tiff(folder: Path) -> None:
    (folder / "tiff_images").mkdir()
    for place in range(4):
        stored_numbers = make.hounsfield(64, place) + (0 if place % 2 else 1024)
        path = folder / f"tiff_images/ID_{place:04}_CT.tif"
        Image.fromarray(stored_numbers.astype(np.int32)).save(path)


def ct_npz(folder: Path) -> None:
    stack = np.stack([make.hounsfield(64, place) for place in range(4)])
    np.savez_compressed(folder / "full_archive.npz", image=stack, idx=np.arange(4))


def ct_stack() -> np.ndarray:
    return np.stack([make.disc(64, place) for place in range(4)])[:, None]


def ct_mat(folder: Path) -> None:
    make.save_mat(folder / "CT100_256x256.mat", {"DATA": ct_stack()})


def ct_mat_73(folder: Path) -> None:
    make.write_matlab_73(folder / "CT100_256x256.mat", "DATA", ct_stack())


def mixed_folder(folder: Path) -> None:
    make.write_picture(folder / "a/one.png")
    make.write_dicom(folder / "a/two.dcm")
    np.save(folder / "b.npy", make.disc(40))
    make.write_nifti(folder / "c.nii.gz")
    np.savez(folder / "d.npz", image=make.disc(33))


SETS: dict[str, tuple[Callable[[Path], None], str, Recipe, str, int, int]] = {
    "fastMRI HDF5": (fastmri_volumes, "fastmri", FastMRI(size=32), "mri", 3, 2),
    "fastMRI complex": (
        fastmri_volumes,
        "fastmri_complex",
        FastMRI(size=32, images="complex"),
        "mri",
        3,
        2,
    ),
    "fastMRI tensor": (fastmri_tensor, "fastmri", FastMRI(size=32), "mri", 13, 1),
    "Urban100": (urban, "urban100", Urban100(size=32), "inpainting", 4, 1),
    "CT100 DICOM": (ct_dicom, "ct100", CT100(size=32), "ct", 3, 1),
    "CT100 TIFF": (ct_tiff, "ct100", CT100(size=32), "ct", 3, 1),
    "CT100 NPZ": (ct_npz, "ct100", CT100(size=32), "ct", 3, 1),
    "CT100 MAT 5": (ct_mat, "ct100", CT100(size=32), "ct", 3, 1),
    "CT100 MAT 7.3": (ct_mat_73, "ct100", CT100(size=32), "ct", 3, 1),
    "a folder": (mixed_folder, "mine", Folder(size=32), "ct", 6, 1),
}


@pytest.mark.parametrize("which", SETS)
def test_from_files_to_training(which: str, root: Path, tmp_path: Path) -> None:
    write, name, recipe, task, n_train, n_test = SETS[which]
    files = tmp_path / "files"
    files.mkdir()
    write(files)
    store = prepare(plan(name, recipe, files, root), nobody)
    assert store.failed == {}
    assert (len(names_of(store, "train")), len(names_of(store, "test"))) == (n_train, n_test)
    store.verify()
    assert sorted(path.name for path in store.folder.iterdir()) == [
        "contact_sheet.png",
        "images.h5",
    ]
    assert [path.name for path in store.folder.parent.iterdir()] == [name]
    for split in ("train", "test"):
        images = images_of(store, split)
        assert images.min() >= store.low
        assert images.max() <= 1
        assert images.amax((1, 2, 3)).min() > 0.3
    settings = {"data": name, "size": 32, "width": 8} | ({"views": 8} if task == "ct" else {})
    config = configure(task, "paper", ["rei"], settings=settings, training=TRAINING)
    history = reilab.run(config)
    assert history.failed is None
    assert history.tracks["rei"].metrics is not None


# --- What each recipe makes of its files ------------------------------------------------------


def test_fastmri_takes_the_middle_slice_with_its_largest_magnitude_1(
    root: Path, tmp_path: Path
) -> None:
    truth = make.write_fastmri(tmp_path / "files/train/a.h5", 1)[2, 4:36, 4:36]
    make.write_fastmri(tmp_path / "files/val/b.h5", 2)
    store = prepare(plan("fastmri", FastMRI(size=32), tmp_path / "files", root), nobody)
    assert names_of(store, "train") == ["train/a.h5[2]"]
    expected = np.abs(truth) / np.abs(truth).max()
    np.testing.assert_allclose(images_of(store, "train")[0, 0], expected, atol=1e-5)
    recipe = FastMRI(size=32, images="complex")
    store = prepare(plan("fastmri_complex", recipe, tmp_path / "files", root), nobody)
    real, imaginary = images_of(store, "train")[0].numpy()
    np.testing.assert_allclose(real + 1j * imaginary, truth / np.abs(truth).max(), atol=3e-5)
    volume = FastMRI(size=32, scale="volume")
    store = prepare(plan("fastmri", volume, tmp_path / "files", root), nobody)
    with h5py.File(tmp_path / "files/train/a.h5") as file:
        expected = np.abs(truth) / file.attrs["max"]
    np.testing.assert_allclose(images_of(store, "train")[0, 0], expected, atol=1e-5)


def test_fastmri_without_truth_is_named_and_left_out(root: Path, tmp_path: Path) -> None:
    fastmri_volumes(tmp_path)
    store = prepare(plan("fastmri", FastMRI(size=32), tmp_path, root), nobody)
    told = "k-space only, 12 of 46 columns: measurements without ground truth; "
    told += "train on them with --measured"
    assert store.left_out == {"singlecoil_test_v2/file9.h5": told}


def test_the_paper_divides_the_training_volumes(tmp_path: Path) -> None:
    for place in range(28):
        (tmp_path / "train").mkdir(exist_ok=True)
        (tmp_path / f"train/{place:02}.h5").touch()
    (tmp_path / "val").mkdir()
    (tmp_path / "val/a.h5").touch()
    for split, expected in (("paper", (26, 2)), ("folders", (28, 1))):
        splits = [s.split for s in FastMRI(split=split).sources(tmp_path)]
        assert (splits.count("train"), splits.count("test")) == expected


def test_ct_is_in_proportion_to_the_attenuation_whatever_the_file(
    root: Path, tmp_path: Path
) -> None:
    expected = (make.hounsfield(64, 0).clip(-1000, 1000) + 1000.0) / 2000
    means = functional.avg_pool2d(torch.from_numpy(expected)[None, None], 2)[0, 0]
    for place, write in enumerate((ct_dicom, ct_tiff, ct_npz)):
        files = tmp_path / str(place)
        files.mkdir()
        write(files)
        store = prepare(plan("ct100", CT100(size=32), files, root), nobody)
        np.testing.assert_allclose(images_of(store, "train")[0, 0], means, atol=1e-5)


def test_the_authors_ct_is_taken_as_it_is(root: Path, tmp_path: Path) -> None:
    for write in (ct_mat, ct_mat_73):
        write(tmp_path)
        store = prepare(plan("ct100", CT100(size=64), tmp_path, root), nobody)
        stack = np.concatenate([images_of(store, split) for split in ("train", "test")])
        np.testing.assert_allclose(stack, ct_stack(), atol=1e-5)
        assert names_of(store, "test") == ["CT100_256x256.mat[3]"]
        shutil.rmtree(store.folder)


@pytest.mark.parametrize("shape", [(70, 90), (64, 64), (81, 65), (50, 40), (63, 100), (33, 64)])
def test_urban_crops_are_those_of_torchvision(shape: tuple[int, int]) -> None:
    image = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(padded_center(image, 64), center_crop(image, [64, 64]))


def test_urban_leaves_reduced_copies_out(tmp_path: Path) -> None:
    for folder in ("image_SRF_2", "image_SRF_4"):
        for place in range(3):
            for kind in ("HR", "LR"):
                make.write_picture(tmp_path / folder / f"img_{place:03}_{folder[6:]}_{kind}.png")
    sources = Urban100().sources(tmp_path)
    assert [s.path.name for s in sources] == [f"img_{i:03}_SRF_2_HR.png" for i in range(3)]
    assert [s.split for s in sources] == ["train", "train", "test"]


def test_a_folder_is_cropped_or_squeezed(root: Path, tmp_path: Path) -> None:
    wide = np.zeros((40, 80))
    wide[:, :20] = 1
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, wide + make.disc(80)[:40] / 100)
    cropped = prepare(plan("mine", Folder(32, "grey", "crop"), tmp_path, root), nobody)
    assert images_of(cropped, "train").median() < 0.9
    samples = stored_samples(cropped, "train", 32, 1, "cpu")
    before = samples.batch(torch.tensor([0])).x
    squeezed = prepare(plan("mine", Folder(32, "rgb", "resize"), tmp_path, root), nobody)
    images = images_of(squeezed, "train")
    assert images.shape == (1, 3, 32, 32)
    assert images[0, :, :, :7].min() > 0.9 > images[0, :, :, 10:].max()
    # A store that is replaced stays what it was for those who have it open.
    after = samples.batch(torch.tensor([0])).x
    assert before is not None
    assert after is not None
    assert torch.equal(after, before)


def test_slices_of_a_volume_stay_together(tmp_path: Path) -> None:
    for name in ("a.nii", "b.nii", "c.nii"):
        make.write_nifti(tmp_path / name)
    recipe = Folder(32)
    found = [
        (s.path.name, f.split, f.place) for s in recipe.sources(tmp_path) for f in recipe.read(s)
    ]
    assert [split for name, split, _ in found if name == "c.nii"] == ["test"] * 3
    assert {split for name, split, _ in found if name != "c.nii"} == {"train"}
    assert [place for name, _, place in found if name == "a.nii"] == [1, 2, 3]  # 0 and 4 are empty


# --- Damage ------------------------------------------------------------------------------------


def damage(path: Path) -> None:
    make.truncate(path)


def not_finite(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["reconstruction_esc"][:] = np.nan


def wrong_shape(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["reconstruction_esc"]
        file["reconstruction_esc"] = np.zeros((40, 40))


def too_small(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["reconstruction_esc"]
        file["reconstruction_esc"] = np.ones((5, 20, 30))


def blank(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["reconstruction_esc"][:] = 0


def several_coils(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        kspace = file["kspace"][:]
        del file["kspace"]
        file["kspace"] = np.stack([kspace, kspace], 1)


def rewrite(*leave_out: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        make.write_fastmri(path, leave_out=leave_out)

    return write


VOLUMES: dict[str, tuple[Callable[[Path], None], FastMRI, str]] = {
    "truncated": (damage, FastMRI(size=32), "cannot be read as HDF5: .*truncated"),
    "no k-space": (rewrite("kspace"), FastMRI(size=32), "has no 'kspace'; it has: ismrmrd_header"),
    "no truth, no mask": (
        rewrite("reconstruction_esc", "reconstruction_rss"),
        FastMRI(size=32),
        "has neither reconstruction_esc or reconstruction_rss nor a mask",
    ),
    "not finite": (not_finite, FastMRI(size=32), "not finite"),
    "wrong shape": (wrong_shape, FastMRI(size=32), "reconstruction_esc has the shape 40 × 40"),
    "too small": (too_small, FastMRI(size=32), "is 20 × 30 pixels, smaller than 32 × 32"),
    "blank": (blank, FastMRI(size=32), "shows nothing"),
    "no maximum": (rewrite("max"), FastMRI(size=32, scale="volume"), "attribute.*max"),
    "several coils": (several_coils, FastMRI(size=32, images="complex"), "several coils"),
}


@pytest.mark.parametrize("which", VOLUMES)
def test_a_volume_that_fails_does_not_stop_the_others(
    which: str, root: Path, tmp_path: Path
) -> None:
    spoil, recipe, words = VOLUMES[which]
    for place in range(4):
        make.write_fastmri(tmp_path / f"train/{place}.h5", place)
    spoil(tmp_path / "train/1.h5")
    steps: list[Progress] = []
    store = prepare(plan("fastmri", recipe, tmp_path, root), steps.append)
    ((name, reason),) = store.failed.items()
    assert name == "train/1.h5"
    assert re.search(words, reason)
    assert "\n" not in reason
    # The others keep their split.
    assert names_of(store, "train") == ["train/0.h5[2]", "train/2.h5[2]"]
    assert names_of(store, "test") == ["train/3.h5[2]"]
    assert steps[-1] == Progress(4, 4, "train/3.h5", 3, 1)


def test_a_file_that_fails_half_way_leaves_no_image(root: Path, tmp_path: Path) -> None:
    stack = np.stack([make.disc(40, place) for place in range(4)]).astype(np.float32)
    recipe = FastMRI(size=32)

    class Breaks(FastMRI):
        def read(self, source: object) -> Iterator[object]:  # type: ignore[override]
            found = list(recipe.read(source))  # type: ignore[arg-type]
            yield from found[:2]
            raise OSError(5, "Input/output error")

    torch.save(torch.from_numpy(stack), tmp_path / "slices.pt")
    with pytest.raises(ValueError, match=r"slices.pt cannot be opened: Input/output error"):
        prepare(plan("fastmri", Breaks(size=32), tmp_path, root), nobody)
    assert list((root / "prepared").iterdir()) == []


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        (torch.full((9, 1, 40, 40), float("nan")), "outside"),
        (torch.full((9, 1, 40, 40), 2.0), "outside"),
        (torch.zeros(40, 40), "torch.float32 of shape 40 × 40"),
        (torch.zeros(9, 1, 40, 40, dtype=torch.complex64), "torch.complex64 of shape"),
        (torch.zeros(9, 1, 20, 20), "smaller than 32 × 32"),
    ],
)
def test_another_tensor_than_the_authors_is_refused(
    stack: Tensor, words: str, root: Path, tmp_path: Path
) -> None:
    torch.save(stack, tmp_path / "slices.pt")
    with pytest.raises(ValueError, match=words):
        prepare(plan("fastmri", FastMRI(size=32), tmp_path, root), nobody)
    assert list((root / "prepared").iterdir()) == []


def test_nothing_is_left_where_nothing_could_be_read(root: Path, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"no train and no test images.*of 3 files.*a\.png cannot"):
        prepare(plan("urban100", Urban100(size=32), tmp_path, root), nobody)
    assert list((root / "prepared").iterdir()) == []
    with pytest.raises(FileNotFoundError, match="no files of urban100 in"):
        prepare(plan("urban100", Urban100(), root, root), nobody)


@pytest.mark.parametrize("name", ["../up", "a b", "knee", ".hidden", ""])
def test_impossible_names(name: str, root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name = "):
        prepare(plan(name, Folder(), tmp_path, root), nobody)


# --- The store -----------------------------------------------------------------------------------


def pictures(folder: Path, count: int = 6) -> Path:
    for place in range(count):
        make.write_picture(folder / f"{place}.png", place, "L", (48, 48))
    return folder


def contents(store: Store) -> str:
    return hashlib.sha256(store.path.read_bytes()).hexdigest()


class KilledError(Exception):
    """Stands for whatever ends a process."""


@pytest.mark.parametrize("after", [1, 3, 5])
def test_an_interrupted_preparation_goes_on(after: int, root: Path, tmp_path: Path) -> None:
    files = pictures(tmp_path / "files")
    (files / "2.png").write_bytes(b"no picture")
    whole = contents(prepare(plan("whole", Folder(32), files, root), nobody))

    def interrupt(step: Progress) -> None:
        if step.done == after:
            raise KilledError

    half = plan("half", Folder(32), files, root)
    with pytest.raises(KilledError):
        prepare(half, interrupt)
    assert open_store(root, "half") is None
    # A process that is killed may have written a part of the next images.
    (half.partial / "next.half").write_bytes(b"torn")
    steps: list[Progress] = []
    store = prepare(half, steps.append)
    assert [step.done for step in steps] == list(range(after + 1, 7))
    assert contents(store) == whole
    assert list(store.failed) == ["2.png"]
    assert not half.partial.exists()


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        ("recipe", ["0", "1", "2", "3", "4", "5"]),
        ("file", ["0", "3", "4", "5"]),
        # The sixth of seven files is one to train on, of six it was the one to test on.
        ("order", ["00", "3", "4", "5"]),
        ("cut", ["1", "3", "4", "5"]),
    ],
)
def test_what_has_changed_is_read_again_and_nothing_else(
    change: str, anew: list[str], root: Path, tmp_path: Path
) -> None:
    files = pictures(tmp_path / "files")

    def interrupt(step: Progress) -> None:
        if step.done == 3:
            raise KilledError

    half = plan("half", Folder(32), files, root)
    with pytest.raises(KilledError):
        prepare(half, interrupt)
    if change == "recipe":
        half = replace(half, recipe=Folder(40))
    elif change == "file":
        make.write_picture(files / "0.png", 77, "L", (50, 50))
    elif change == "order":
        make.write_picture(files / "00.png", 77, "L", (50, 50))
    else:
        second = next(p for p in half.partial.iterdir() if read_store(p).sources[0].name == "1.png")
        make.truncate(second)
    steps: list[Progress] = []
    store = prepare(half, steps.append)
    assert [step.source for step in steps] == [f"{name}.png" for name in anew]
    store.verify()
    fresh = prepare(replace(half, name="fresh"), nobody)
    assert contents(store) == contents(fresh)


def test_what_is_prepared_is_not_prepared_again_until_it_changes(
    root: Path, tmp_path: Path
) -> None:
    files = pictures(tmp_path / "files")
    steps: list[Progress] = []
    mine = plan("mine", Folder(32), files, root)
    prepare(mine, steps.append)
    assert len(steps) == 6
    prepare(mine, steps.append)
    assert len(steps) == 6
    make.write_picture(files / "6.png", 6, "L", (48, 48))
    store = prepare(mine, steps.append)
    assert len(steps) == 13
    assert len(names_of(store, "train")) == 6


def test_a_full_disk_is_told_before_anything_is_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = plan("mine", Folder(32), pictures(tmp_path / "files"), root)
    steps: list[Progress] = []

    def fill_up(step: Progress) -> None:
        steps.append(step)
        if step.done == 3:
            monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))

    with pytest.raises(ValueError, match=r"mine\.partial needs .* the disk has 1\.0: make room"):
        prepare(mine, fill_up)
    assert not list(root.rglob("*.half"))
    monkeypatch.undo()
    prepare(mine, steps.append)
    assert [step.done for step in steps] == [1, 2, 3, 4, 5, 6]


def test_a_disk_that_fails_is_told_in_one_line(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = plan("mine", Folder(32), pictures(tmp_path / "files"), root)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.File, "create_dataset", full)
    with pytest.raises(ValueError, match=r"cannot be written \(.*No space left.*\): make room"):
        prepare(mine, nobody)
    assert not list(root.rglob("*.half"))
    monkeypatch.undo()
    assert len(names_of(prepare(mine, nobody), "train")) == 5


def test_two_processes_do_not_prepare_the_same(root: Path, tmp_path: Path) -> None:
    files = pictures(tmp_path / "files")
    mine = plan("mine", Folder(32), files, root)

    def again(step: Progress) -> None:
        with pytest.raises(ValueError, match="another process is preparing 'mine'"):
            prepare(mine, nobody)

    prepare(mine, again)
    assert [path.name for path in (root / "prepared").iterdir()] == ["mine"]


def test_sixteen_bits_are_enough() -> None:
    image = torch.linspace(-1, 1, 4096, dtype=torch.float64).view(1, 64, 64)
    back = -1 + 2 * decode(torch.from_numpy(encode(image, -1)))
    assert (back - image).abs().max() < 1.6e-5
    ends = decode(torch.from_numpy(encode(torch.tensor([-0.1, 0.0, 1.0, 1.1]), 0)))
    assert ends.tolist() == [0, 0, 1, 1]


def changed(path: Path, change: Callable[[h5py.File], object]) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


def another_pixel(file: h5py.File) -> None:
    file["train/images"][2, 0, 5, 5] += 1


def shorter(file: h5py.File) -> None:
    images = file["train/images"][:-1]
    del file["train/images"]
    file["train/images"] = images


def of_another_file(file: h5py.File) -> None:
    shape = file["train/images"].shape
    del file["train/images"]
    file.create_dataset("train/images", shape, "<i2", external=[("/etc/passwd", 0, 2**20)])


STORES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a pixel": (lambda p: changed(p, another_pixel), "2.png in train/images changed"),
    "an image": (
        lambda p: changed(p, shorter),
        r"train/images are int16 of shape \(4, 1, 32, 32\)",
    ),
    "a way out": (lambda p: changed(p, of_another_file), "keeps 'train/images' in other files"),
    "an index": (
        lambda p: changed(p, lambda f: f.__delitem__("train/index")),
        "has no 'train/index",
    ),
    "a table": (lambda p: changed(p, lambda f: f.__delitem__("sources")), "has no 'sources'"),
    "its recipe": (lambda p: changed(p, lambda f: f.__delitem__("recipe")), "recipe"),
    "its range": (lambda p: changed(p, lambda f: f.attrs.__delitem__("low")), "low"),
    "its format": (lambda p: changed(p, lambda f: f.attrs.update(format=9)), "is not of format 2"),
    "its end": (make.truncate, "truncated"),
    "everything": (lambda p: p.write_bytes(b"no HDF5"), "cannot be read as HDF5"),
}


@pytest.mark.parametrize("what", STORES)
def test_a_damaged_store_is_found(what: str, root: Path, tmp_path: Path) -> None:
    damage_to, words = STORES[what]
    store = prepare(plan("mine", Folder(32), pictures(tmp_path / "files"), root), nobody)
    damage_to(store.path)
    with pytest.raises(
        ValueError, match=rf"prepared/mine is damaged \(.*{words}.*\); delete it and"
    ):
        load_images("mine", "train", 32, 1)


def older(root: Path) -> Path:
    """A data set as version 0.1 prepared it, without what nobody looks at."""
    folder = root / "prepared/mine"
    folder.mkdir(parents=True)
    for split, count in (("train", 5), ("test", 1)):
        np.save(folder / f"{split}.npy", np.zeros((count, 1, 32, 32), np.int16))
    recipe = {"size": 32, "colours": "grey", "fit": "crop", "validation": 0.0}
    about = {"format": 1, "name": "mine", "origin": "folder", "recipe": recipe, "channels": 1}
    (folder / "index.json").write_text(json.dumps({**about, "size": 32, "images": {}}))
    return folder


def test_what_version_01_prepared_is_prepared_again(root: Path, tmp_path: Path) -> None:
    folder = older(root)
    command = (
        f"`reilab data prepare mine --root {root} --size 32 --colours grey --fit crop "
        "--validation 0.0`"
    )
    with pytest.raises(ValueError, match=f"mine was prepared by version 0.1.*{re.escape(command)}"):
        image_samples("mine", "train", 32, 1)
    store = prepare(plan("mine", Folder(32), pictures(tmp_path / "files"), root), nobody)
    assert sorted(path.name for path in folder.iterdir()) == ["contact_sheet.png", "images.h5"]
    assert len(image_samples("mine", "train", 32, 1)) == len(names_of(store, "train")) == 5


def test_a_folder_with_a_file_of_that_name_is_no_store(root: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / FILE, "w") as file:
        file["images"] = np.stack([make.disc(40, place) for place in range(10)])
    assert load_images(str(tmp_path), "train", 32, 1).shape == (9, 1, 32, 32)


def test_the_contact_sheet_shows_images(root: Path, tmp_path: Path) -> None:
    store = prepare(plan("mine", Folder(96), pictures(tmp_path / "files"), root), nobody)
    with Image.open(store.folder / "contact_sheet.png") as sheet:
        pixels = np.asarray(sheet, dtype=float) / 255
    assert pixels.shape == (2 * (22 + 100), 8 * 100 + 4, 3)
    shown = torch.from_numpy(pixels[22 : 22 + 96, 4 : 4 + 96, 0])
    assert (shown - images_of(store, "train")[0, 0]).abs().max() < 0.01


# --- Streaming -----------------------------------------------------------------------------------


@pytest.fixture
def store(root: Path, tmp_path: Path) -> Store:
    return prepare(plan("mine", Folder(64), pictures(tmp_path / "files", 12), root), nobody)


@pytest.mark.parametrize("size", [64, 32, 40])
def test_batches_have_the_images_that_were_asked_for(store: Store, size: int) -> None:
    samples = stored_samples(store, "train", size, 2, "cpu")
    whole = load_images("mine", "train", size, 1)
    for index in ([3, 0, 9, 9], [1], list(range(11))):
        x = samples.batch(torch.tensor(index)).x
        assert x is not None
        assert torch.equal(x[:, :1], whole[index])
        assert x.shape == (len(index), 2, size, size)
        assert not x[:, 1].any()


def test_threads_may_read_at_the_same_time(store: Store) -> None:
    samples = stored_samples(store, "train", 64, 1, "cpu")
    whole = load_images("mine", "train", 64, 1)
    with ThreadPoolExecutor(4) as pool:
        batches = pool.map(lambda i: samples.batch(torch.tensor([i % 11])).x, range(200))
        assert all(torch.equal(x, whole[i % 11][None]) for i, x in enumerate(batches))


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_images_are_not_mapped_into_memory(store: Store) -> None:
    samples = stored_samples(store, "train", 64, 1, "cpu")
    samples.batch(torch.arange(len(samples)))
    assert str(store.folder) not in Path("/proc/self/maps").read_text()


def test_a_batch_equals_the_images_loaded_at_once(store: Store) -> None:
    whole = load_images("mine", "train", 48, 1)
    samples = image_samples("mine", "train", 48, 1)
    assert isinstance(samples, StoredSamples)
    x = samples.batch(torch.tensor([7, 2])).x
    assert x is not None
    assert torch.equal(x, whole[[7, 2]])
    assert torch.equal(load_images("mine", "train", 48, 3)[:, 1:2], whole)


def test_a_gpu_holds_what_fits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    images, gpu = store.split("train"), torch.device("cuda")
    free = round(11 * 64**2 * 2 / shelves.SHARE_OF_GPU)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**9))
    assert shelves.fits(images, gpu)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free - 8, 10**9))
    assert not shelves.fits(images, gpu)
    assert not shelves.fits(images, torch.device("cpu"))


def test_images_that_are_held_are_the_same(store: Store) -> None:
    read = stored_samples(store, "train", 48, 3, "cpu")
    kept = replace(read, shelf=shelves.held(store.split("train"), torch.device("cpu")))
    assert len(kept) == len(read) == 11
    index = torch.tensor([10, 0, 4])
    first, second = read.batch(index).x, kept.batch(index).x
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)


def test_a_file_that_is_cut_under_a_run_gives_an_error(store: Store) -> None:
    samples = stored_samples(store, "train", 64, 1, "cpu")
    shelf = samples.shelf
    assert isinstance(shelf, OnDisk)
    os.truncate(store.path, shelf.dataset.id.get_offset() + 2 * 64**2)
    samples.batch(torch.tensor([0]))
    told = ""
    try:
        samples.batch(torch.tensor([0, 1]))
    except ValueError as error:
        told = str(error)
    assert "prepared/mine is damaged (1.png in train/images changed); delete it and prepare" in told


@pytest.mark.gpu
@pytest.mark.parametrize("held", [0.25, 0.0])
def test_batches_on_a_gpu(store: Store, held: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "SHARE_OF_GPU", held)
    samples = stored_samples(store, "train", 64, 1, "cuda:0")
    assert isinstance(samples.shelf, OnDevice) == bool(held)
    x = samples.batch(torch.tensor([3, 1])).x
    assert x is not None
    expected = stored_samples(store, "train", 64, 1, "cpu").batch(torch.tensor([3, 1])).x
    assert x.device == torch.device("cuda:0")
    assert torch.equal(x.cpu(), expected)


def test_what_does_not_fit_a_task_is_refused(store: Store, root: Path) -> None:
    with pytest.raises(ValueError, match="size = 72 is larger than the images of data = 'mine'"):
        image_samples("mine", "train", 72, 1)
    two = replace(store, channels=2)
    with pytest.raises(
        ValueError, match=r"has complex images \(2 channels\).*takes grey ones \(1\)"
    ):
        stored_samples(two, "train", 64, 1, "cpu")
    three = replace(store, channels=3)
    with pytest.raises(ValueError, match=r"has colour images .* takes complex ones"):
        stored_samples(three, "train", 64, 2, "cpu")
    with pytest.raises(
        ValueError, match=r"'fastmri' is not prepared .*`reilab data check fastmri`"
    ):
        image_samples("fastmri", "train", 32, 2)
    with pytest.raises(ValueError, match=r"neither bundled .*, nor prepared, nor a folder"):
        image_samples("nothing", "train", 32, 2)


def test_a_folder_that_is_not_prepared_is_read_at_once(root: Path, tmp_path: Path) -> None:
    mixed_folder(tmp_path / "mixed")
    images = load_images(str(tmp_path / "mixed"), "train", 32, 3)
    assert images.shape == (6, 3, 32, 32)
    (tmp_path / "mixed/b.npy").write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"b\.npy cannot be read as NPY"):
        load_images(str(tmp_path / "mixed"), "train", 32, 3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no train images"):
        load_images(str(tmp_path / "empty"), "train", 32, 3)
