"""A part, or a share of the attacks: ``python -m benchmarks.faults [PART …] [--share 0.1]``"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks import faults
from benchmarks.measure import Table


def parts() -> dict[str, faults.Part]:
    """The parts by the names of their modules."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
    return {name: importlib.import_module(f"benchmarks.faults.{name}") for name in names}


def measure() -> Table:
    """All parts, with all their attacks."""
    return faults.table(list(parts().values()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.faults", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts()))
    parser.add_argument("--share", type=float, default=1.0, help="the share of attacks")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(parts()):
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(parts())}")
    wanted = [part for name, part in parts().items() if name in (chosen.parts or parts())]
    print(faults.table(wanted, chosen.share).markdown())
