"""The notebooks that come with reilab, and what they want to be told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reilab.settings import choose


def source_of(name: str) -> Path:
    """Path of a notebook: in the repository beside the package, or inside an installed one.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    here = Path(__file__).resolve()
    places = [here.parents[2] / "notebooks", here.parents[1] / "notebooks"]
    for place in places:
        if (place / f"{name}.ipynb").is_file():
            return place / f"{name}.ipynb"
    raise FileNotFoundError(f"{name}.ipynb is in neither of {places[0]} and {places[1]}")


def check_parameters(notebook: Path, given: Iterable[str]) -> None:
    """Check that a notebook knows its parameters; papermill itself would only warn.

    Raises:
        ValueError: it does not know one, with the nearest that it knows.
    """
    # Loaded here because it takes a second.
    import papermill

    known = papermill.inspect_notebook(str(notebook))
    for name in given:
        choose(f"parameter of {notebook.name}", name, known)
