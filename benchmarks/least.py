"""Do the least versions of ``pyproject.toml`` hold? ``python -m benchmarks.least`` (needs uv)

An environment with the least version of everything that is named there, and with whatever that
needs itself in the newest that fits, is made in a temporary folder; the quick tests run in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUICK = "not (slow or browser or grid or gpu)"
#: Old versions warn of what newer ones beside them have in store; that is no fault of ours. The
#: project's own tests compare versions with those that are usual.
OPTIONS = ("-o", "filterwarnings=ignore", "-p", "no:cacheprovider", "--ignore=tests/project")


def requirements(*extras: str) -> list[str]:
    """What the package and these extras of it need, as far as a least version is claimed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["optional-dependencies"][extra] for extra in extras]
    named = [*project["dependencies"], *(one for group in groups for one in group)]
    return [one for one in named if ">=" in one]


def find_uv() -> str:
    """The program that makes environments; ends with a remedy where there is none."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("uv is not installed; `pip install uv` does it")
    return uv


def make_environment(folder: Path, python: str, resolution: str, wanted: list[str]) -> Path:
    """An environment of its own with these packages, and its Python.

    Args:
        folder: where it is made.
        python: the version of Python.
        resolution: ``lowest-direct`` for the least versions of what is wanted, or ``highest``.
        wanted: requirements, or files.
    """
    uv = find_uv()
    subprocess.run([uv, "venv", "--quiet", "--python", python, str(folder)], check=True)
    made = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    words = [uv, "pip", "install", "--quiet", "--python", str(made)]
    subprocess.run([*words, "--resolution", resolution, *wanted], check=True)
    return made


def main() -> int:
    """Set up the environment and run the tests; their status."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = requirements("lab", "dicom", "deepinv", "mri", "cluster", "dev")
        python = make_environment(Path(folder), "3.11", "lowest-direct", wanted)
        # Without what it needs: the package says its version, and which plug-ins there are.
        own = [find_uv(), "pip", "install", "--quiet", "--no-deps", "--python", str(python)]
        subprocess.run([*own, "--editable", str(ROOT)], check=True)
        subprocess.run([find_uv(), "pip", "freeze", "--python", str(python)], check=True)
        tests = [str(python), "-m", "pytest", "-m", QUICK, "-n", "2", *OPTIONS, *sys.argv[1:]]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(tests, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
