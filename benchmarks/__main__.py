"""Run benchmarks; ``python -m benchmarks [OUT.md] [NAME …]`` keeps what they found in a file.

Without names all are run but the attacks (``faults``), which take half an hour. A section of the
file that is there already is replaced.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from benchmarks import (
    killing,
    lab,
    lanes,
    learning,
    limit,
    load,
    loader,
    options,
    precision,
    projector,
    scaling,
    step,
    stopping,
)
from benchmarks.faults import __main__ as faults
from benchmarks.measure import Table, machine

BENCHMARKS: dict[str, Callable[[], Table]] = {
    "step": step.measure,
    "projector": projector.measure,
    "limit": limit.measure,
    "scaling": scaling.measure,
    "options": options.measure,
    "precision": precision.measure,
    "lanes": lanes.measure,
    "learning": learning.measure,
    "loader": loader.measure,
    "lab": lab.measure,
    "load": load.measure,
    "stop": stopping.measure,
    "killing": killing.measure,
    "faults": faults.measure,
}
#: Those that are run only by name.
BY_NAME = ("faults",)


def main(out: Path | None, names: Sequence[str]) -> None:
    """Each benchmark in turn, the file written anew after each."""
    sections = read_sections(out) if out else {}
    for name in names or [name for name in BENCHMARKS if name not in BY_NAME]:
        table = BENCHMARKS[name]()
        sections[table.title] = table.markdown()
        print(sections[table.title], flush=True)
        if not out:
            continue
        out.parent.mkdir(parents=True, exist_ok=True)
        head = f"# Benchmarks\n\n{machine()}, {date.today():%Y-%m-%d}. Made by `make bench`.\n"
        out.write_text("\n".join([head, *sections.values()]), encoding="utf-8")


def read_sections(path: Path) -> dict[str, str]:
    """The sections of an earlier run by their titles."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="OUT.md | NAME", help=", ".join(BENCHMARKS))
    chosen = parser.parse_args().words
    files = [Path(word) for word in chosen if word.endswith(".md")]
    wanted = [word for word in chosen if not word.endswith(".md")]
    if unknown := set(wanted) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if len(files) > 1:
        parser.error(f"one file keeps the results, not {len(files)}")
    main(files[0] if files else None, wanted)
