"""reilab data: what images there are, where to get more, and how they are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, make_dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from reilab.cli.datashow import live_preparation, sets_table, show_prepared, show_standing
from reilab.cli.options import option, options_of
from reilab.datasets.folder import Folder
from reilab.datasets.known import KNOWN, standing_of
from reilab.datasets.prepare import Plan, check_name, prepare
from reilab.datasets.recipe import Recipe
from reilab.datasets.store import data_root, open_store
from reilab.settings import choose, override

USAGE = """reilab data: images to learn from

  reilab data list              every data set known, and what is here of it
  reilab data check NAME        what is there, what is missing, where to get it
  reilab data prepare NAME      convert the files once into a compact store

NAME is {known}, or for `prepare` a new name for a folder of images.
Add --help to any of them for its options."""

ROOT = "Data root: where data sets are, also those that are prepared (REILAB_DATA)."
SOURCE = "Folder of the files, if they are not below the data root."


def manage_data(argv: Sequence[str]) -> None:
    """``reilab data …``."""
    if not argv or argv[0] in ("-h", "--help"):
        print(USAGE.format(known=", ".join(KNOWN)))
        return
    actions = {"list": list_data, "check": check_data, "prepare": prepare_data}
    actions[choose("action of `reilab data`", argv[0], actions)](argv[1:])


def list_data(argv: Sequence[str]) -> None:
    """``reilab data list``."""
    given = _parse("list", "Every data set known, bundled ones too.", [], argv)
    Console().print(sets_table(given.root))


def check_data(argv: Sequence[str]) -> None:
    """``reilab data check NAME``; status 1 if the data set cannot be used yet."""
    name, rest = _name_in("check", argv)
    given = _parse(f"check {name}", f"What there is of {name}.", [_source()], rest)
    if name not in KNOWN:
        store = open_store(given.root, name)
        if store is None:
            choose("data set", name, KNOWN)
            return
        store.verify()
        show_prepared(Console(), store)
        return
    standing = standing_of(name, given.root, given.source)
    if standing.store is not None:
        standing.store.verify()
    show_standing(Console(), name, standing, given.root)
    if standing.store is None and not standing.sources:
        raise SystemExit(1)


def prepare_data(argv: Sequence[str]) -> None:
    """``reilab data prepare NAME``."""
    name, rest = _name_in("prepare", argv)
    check_name(name)
    usual = KNOWN[name].recipe() if name in KNOWN else Folder()
    told = KNOWN[name].description if name in KNOWN else "A folder of images of any format."
    given = _parse(f"prepare {name}", told, [_source(), *options_of(type(usual), usual)], rest)
    recipe = override(usual, {f.name: getattr(given, f.name) for f in fields(type(usual))})  # type: ignore[arg-type]
    plan = _plan(name, recipe, given.root, given.source)
    try:
        with live_preparation(Console(stderr=True)) as watch:
            store = prepare(plan, watch)
    except KeyboardInterrupt:
        told = f"Interrupted; the same command goes on. What is done is in {plan.partial}"
        Console(stderr=True).print(told, soft_wrap=True)
        raise SystemExit(130) from None
    show_prepared(Console(), store)


def _plan(name: str, recipe: Recipe, root: Path, source: Path | None) -> Plan:
    if source is not None and not source.is_dir():
        raise FileNotFoundError(f"--source {source} is not a folder")
    known = KNOWN.get(name)
    folder = source or (known.find_folder(root) if known else root / name)
    if folder is None or not folder.is_dir():
        remedy = f"`reilab data check {name}` tells where to get it" if known else "name its folder"
        raise FileNotFoundError(
            f"no files of {name} below {root}; {remedy}, or use --source FOLDER"
        )
    return Plan(name, name if known else "folder", recipe, folder, root)


def _name_in(action: str, argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    if argv and argv[0] in ("-h", "--help"):
        manage_data([])
        raise SystemExit(0)
    if not argv or argv[0].startswith("-"):
        raise ValueError(f"usage: reilab data {action} NAME; NAME is e.g. {', '.join(KNOWN)}")
    return argv[0], argv[1:]


def _source() -> tuple[str, Any, Any]:
    return option("source", Path | None, None, SOURCE)


def _parse(words: str, told: str, options: Sequence[Any], argv: Sequence[str]) -> Any:
    own = [option("root", Path, data_root(), ROOT)]
    options_class = make_dataclass("Options", [*own, *options])
    return tyro.cli(options_class, prog=f"reilab data {words}", description=told, args=list(argv))
