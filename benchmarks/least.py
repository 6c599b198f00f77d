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


def requirements() -> list[str]:
    """What the package, the lab and the tests need, as far as a least version is claimed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *extras["lab"], *extras["dev"]]
    return [one for one in named if ">=" in one]


def main() -> int:
    """Set up the environment and run the tests; their status."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("uv is not installed; `pip install uv` does it")
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "bin", "python")
        subprocess.run([uv, "venv", "--quiet", "--python", "3.11", folder], check=True)
        words = [uv, "pip", "install", "--quiet", "--python", str(python)]
        subprocess.run([*words, "--resolution", "lowest-direct", *requirements()], check=True)
        subprocess.run([uv, "pip", "freeze", "--python", str(python)], check=True)
        tests = [str(python), "-m", "pytest", "-m", QUICK, "-n", "2", *OPTIONS, *sys.argv[1:]]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(tests, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
