"""The published data sets that reilab knows: what they are, where people get them, what is here.

This is the one place that describes them. Nothing is ever downloaded: each has terms of use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from reilab.datasets.ct100 import CT100
from reilab.datasets.fastmri import FastMRI
from reilab.datasets.recipe import Recipe, Source
from reilab.datasets.store import Store, open_store
from reilab.datasets.urban100 import Urban100


@dataclass(frozen=True)
class Download:
    """Something to fetch: its name, its size in words, and what it is."""

    name: str
    size: str
    what: str


@dataclass(frozen=True)
class KnownSet:
    """A published data set.

    Args:
        title: what people call it.
        description: what it shows, in one line.
        task: the task whose preset ``paper`` uses it.
        folders: names of the folder that its files are looked for in, small and capital alike.
        marks: patterns of what such a folder holds.
        count: how many source files a complete copy has.
        address: where it is.
        access: what one has to do to get it.
        licence: its terms, in one line.
        downloads: what to fetch.
        recipe: how it is prepared, unless other choices are made.
    """

    title: str
    description: str
    task: str
    folders: tuple[str, ...]
    marks: tuple[str, ...]
    count: int
    address: str
    access: str
    licence: str
    downloads: tuple[Download, ...]
    recipe: Callable[[], Recipe]

    def find_folder(self, root: Path) -> Path | None:
        """The folder with the files: one of the usual names, or the root itself."""
        if not root.is_dir():
            return None
        named = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
        for name in self.folders:
            if name in named:
                return named[name]
        return root if any(next(root.glob(mark), None) for mark in self.marks) else None


FASTMRI = KnownSet(
    title="fastMRI knee, single-coil",
    description="Magnitude images of knees, the middle slice of each volume, 320².",
    task="mri",
    folders=("fastmri", "fastmri_knee", "mri"),
    marks=("*singlecoil_*", "fastmri_knee_*.pt"),
    count=973,
    address="https://fastmri.med.nyu.edu",
    access="register there with name and institution; links that expire come by e-mail",
    licence="fastMRI data use agreement: research and education, no redistribution",
    downloads=(
        Download("knee_singlecoil_train.tar.xz", "72.7 GB", "973 volumes to train"),
        Download("knee_singlecoil_val.tar.xz", "14.9 GB", "199 volumes to test, optional"),
        Download("knee_singlecoil_test.tar.xz", "1.4 GB", "k-space without truth, optional"),
        Download(
            "fastmri_knee_4865_norm_single_slice.pt",
            "0.4 GB",
            "instead of all: the authors' slices",
        ),
    ),
    recipe=FastMRI,
)

KNOWN: Mapping[str, KnownSet] = MappingProxyType(
    {
        "fastmri": FASTMRI,
        "fastmri_complex": replace(
            FASTMRI,
            title="fastMRI knee, single-coil, complex",
            description="The same slices with their phase, from the fully sampled k-space.",
            marks=FASTMRI.marks[:1],
            downloads=FASTMRI.downloads[:3],
            recipe=partial(FastMRI, images="complex"),
        ),
        "urban100": KnownSet(
            title="Urban100",
            description="Colour photographs of buildings, the middle 512² reduced to 256².",
            task="inpainting",
            folders=("urban100",),
            marks=("img_001*.png", "image_SRF_*"),
            count=100,
            address="https://github.com/jbhuang0604/SelfExSR",
            access="no registration; the page links to the archive",
            licence="no licence is stated; published for research (Huang et al., CVPR 2015)",
            downloads=(Download("Urban100.zip", "about 1.1 GB", "100 PNG files and reductions"),),
            recipe=Urban100,
        ),
        "ct100": KnownSet(
            title="CT100",
            description="Slices of 69 patients' CT scans, 512² reduced to 256².",
            task="ct",
            folders=("ct100", "siim-medical-images", "ct"),
            marks=("dicom_dir", "tiff_images", "full_archive.npz", "CT100_256x256.mat"),
            count=100,
            address="https://www.kaggle.com/datasets/kmader/siim-medical-images",
            access="a free Kaggle account; the scans are from The Cancer Imaging Archive",
            licence="CC BY 3.0 (TCGA-LUAD, The Cancer Imaging Archive)",
            downloads=(
                Download("dicom_dir/", "about 50 MB", "100 DICOM files; one of the four is enough"),
                Download("tiff_images/", "about 100 MB", "the same as TIFF"),
                Download("full_archive.npz", "about 50 MB", "the same as one archive"),
                Download("CT100_256x256.mat", "under 60 MB", "the authors' reduced images"),
            ),
            recipe=CT100,
        ),
    }
)


@dataclass(frozen=True)
class SetStanding:
    """What there is of a known data set: its store, and the folder and files it can be made of."""

    store: Store | None
    folder: Path | None
    sources: Sequence[Source]


def standing_of(name: str, root: Path, folder: Path | None) -> SetStanding:
    """Look for a known data set.

    Args:
        name: from ``KNOWN``.
        root: the data root.
        folder: where its files are, if the user said so.

    Raises:
        ValueError: its store cannot be read.
    """
    known = KNOWN[name]
    place = known.find_folder(root) if folder is None else folder
    sources = known.recipe().sources(place) if place and place.is_dir() else ()
    return SetStanding(open_store(root, name), place, sources)
