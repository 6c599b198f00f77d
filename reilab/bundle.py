"""What comes with the package: files of ``data/``, in the repository or in an installed package."""

from __future__ import annotations

from pathlib import Path


def data_file(name: str) -> Path:
    """Path of a bundled file or folder: in the repository beside the package, or inside it.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    here = Path(__file__).resolve().parent
    for folder in (here.parent / "data", here / "data"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(
        f"{name} is neither in the repository's data folder nor in the installed package; "
        "`make data` in the repository rebuilds it"
    )
