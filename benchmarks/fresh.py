"""Does what is published work elsewhere? ``python -m benchmarks.fresh [OUT.md]`` (needs uv and git)

The last commit is cloned, and sdist and wheel are built from it twice: their bytes must be the
same, and the wheel must hold what git has of package, data and notebooks, no more and no less. The
wheel alone then goes into fresh environments, with the least and with the newest versions that it
allows, and is used outside the repository: the command line, a training, the page, a lesson.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.request import urlopen

from benchmarks.least import ROOT, find_uv, make_environment, requirements
from benchmarks.measure import Table
from benchmarks.site import free_port, until

#: Python, and which versions of what the package needs.
ENVIRONMENTS = (("3.11", "lowest-direct"), ("3.13", "highest"))
#: Folders of the repository, and what they are called in a wheel.
IN_THE_WHEEL = {"reilab/": "reilab/", "data/": "reilab/data/", "notebooks/": "reilab/notebooks/"}
LESSON = "reilab/notebooks/01_what_is_lost.ipynb"
SMALL = ("-p", "interactive", "False", "-p", "preset", "smoke")
#: Those of packages that the repository's environment may name.
OURS = ("PYTHONPATH", "VIRTUAL_ENV", "REILAB_")
NOTE = (
    "Not tried: other systems than this one, a graphics card, the tests themselves with these "
    "versions (`make least` runs the quick ones with the least)."
)


@dataclass(frozen=True)
class Trial:
    """Something that was tried, how it went, and how long it took."""

    what: str
    where: str
    told: str
    held: bool
    seconds: float


def main() -> int:
    """Try everything, write down what was found, and end with 1 if something did not hold."""
    with tempfile.TemporaryDirectory() as name:
        trials = list(attempts(Path(name)))
    columns = ("what", "where", "found", "", "seconds")
    rows = [
        (one.what, one.where, one.told, "held" if one.held else "FAILED", f"{one.seconds:.0f}")
        for one in trials
    ]
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    note = f"{system}, {date.today()}. `make fresh`. {NOTE}"
    text = Table("", note, columns, rows).markdown().replace("## \n", "# Fresh environments\n", 1)
    print(text)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    return int(not all(one.held for one in trials))


def attempts(folder: Path) -> Iterator[Trial]:
    """Whatever is tried, one after the other."""
    began = time.monotonic()
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    first, second = (built(clone, folder / name) for name in ("first", "second"))
    same = {path.name: digest(path) for path in first} == {p.name: digest(p) for p in second}
    told = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in first)
    yield Trial("built twice, the same bytes", "", told, same, time.monotonic() - began)
    sdist, wheel = first
    yield compared("the wheel has what git has", wheel_names(wheel), expected_in_wheel(clone))
    yield compared("so has the sdist", sdist_names(sdist), set(tracked(clone)))
    for python, resolution in ENVIRONMENTS:
        yield from used(wheel, folder / python, python, resolution)


def built(clone: Path, out: Path) -> tuple[Path, Path]:
    """sdist, and the wheel that is built from it."""
    subprocess.run([find_uv(), "build", "--quiet", "--out-dir", str(out)], cwd=clone, check=True)
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


def digest(path: Path) -> str:
    """What tells whether two files are the same."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tracked(clone: Path) -> list[str]:
    """The files that git has."""
    words = ["git", "ls-files", "-z"]
    found = subprocess.run(words, cwd=clone, capture_output=True, text=True, check=True)
    return found.stdout.strip("\0").split("\0")


def expected_in_wheel(clone: Path) -> set[str]:
    """What a wheel is to hold beside what says what it is."""
    return {
        name.replace(folder, place, 1)
        for name in tracked(clone)
        for folder, place in IN_THE_WHEEL.items()
        if name.startswith(folder)
    }


def wheel_names(wheel: Path) -> set[str]:
    """The files of a wheel; of those that say what it is, the licences alone must be there."""
    names = set(zipfile.ZipFile(wheel).namelist())
    about = {name for name in names if ".dist-info/" in name}
    assert sum("/licenses/" in name for name in about) > 1, about
    return names - about


def sdist_names(sdist: Path) -> set[str]:
    """The files of an sdist but the one that says what it is."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    return names - {"PKG-INFO"}


def compared(what: str, found: set[str], expected: set[str]) -> Trial:
    """Whether there is all that is expected, and nothing else."""
    apart = [*sorted(expected - found)[:3], *sorted(found - expected)[:3]]
    told = f"{len(found)} files" + (f"; apart: {', '.join(apart)}" if apart else "")
    return Trial(what, "", told, not apart, 0.0)


def used(wheel: Path, folder: Path, python: str, resolution: str) -> Iterator[Trial]:
    """Install the wheel with its lab, and use it somewhere else."""
    where, began = f"Python {python}, {resolution}", time.monotonic()
    own = requirements("lab") if resolution != "highest" else []
    own_python = make_environment(folder, python, resolution, [f"{wheel}[lab]", *own])
    told = output_of([str(own_python), "-c", VERSIONS], folder)
    yield Trial("installed", where, told, True, time.monotonic() - began)
    reilab = own_python.with_name("reilab")
    packages = Path(output_of([str(own_python), "-c", PLACE], folder))
    lesson = [str(own_python), "-m", "papermill", str(packages / LESSON), "out.ipynb", *SMALL]
    for what, words in {
        "reilab --version": [str(reilab), "--version"],
        "reilab compare ct --preset smoke": [str(reilab), "compare", "ct", "--preset", "smoke"],
        "lesson 1": lesson,
    }.items():
        yield tried(what, where, words, folder)
    yield served(reilab, where, folder)


VERSIONS = (
    "import sys, importlib.metadata as m; "
    "print(sys.version.split()[0], *(f'{n} {m.version(n)}' for n in ('torch', 'numpy', 'panel')))"
)
PLACE = "import pathlib, reilab; print(pathlib.Path(reilab.__file__).parents[1])"


def elsewhere() -> Mapping[str, str]:
    """The environment without what leads into the repository."""
    return {n: value for n, value in os.environ.items() if not n.startswith(OURS)}


def output_of(words: list[str], folder: Path) -> str:
    """What a command prints.

    Raises:
        subprocess.CalledProcessError: it fails.
    """
    done = subprocess.run(
        words, cwd=folder, env=elsewhere(), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def tried(what: str, where: str, words: list[str], folder: Path) -> Trial:
    """Carry out a command."""
    began = time.monotonic()
    try:
        told, held = output_of(words, folder), True
    except subprocess.CalledProcessError as error:
        told, held = (error.stderr or error.stdout or "").strip(), False
    last = told.splitlines()[-1][:80] if told else ""
    return Trial(
        what,
        where,
        last if what.endswith("version") or not held else "",
        held,
        time.monotonic() - began,
    )


def served(reilab: Path, where: str, folder: Path) -> Trial:
    """Serve the lab on this machine, and ask for its page."""
    began, port = time.monotonic(), free_port()
    words = [str(reilab), "app", "--no-open", "--port", str(port)]
    server = subprocess.Popen(
        words, cwd=folder, env=elsewhere(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: page_of(port), "the page")
        told, held = "status 200", True
    except TimeoutError as error:
        told, held = str(error), False
    finally:
        server.terminate()
        server.wait()
    return Trial("reilab app", where, told, held, time.monotonic() - began)


def page_of(port: int) -> bool:
    """Whether the page is there."""
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/") as answer:
        return bool(answer.status == 200 and b"reilab" in answer.read())
    return False


if __name__ == "__main__":
    sys.exit(main())
