"""reilab data: what images there are, where to get more, and how they are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import tyro

from reilab.cli.datashow import live_preparation, sets_table, show_prepared, show_standing
from reilab.cli.terminal import console
from reilab.cli.tree import Level, Node, option, settings_option, with_options
from reilab.datasets.folder import Folder
from reilab.datasets.formats.reader import passed_over
from reilab.datasets.known import KNOWN, standing_of
from reilab.datasets.prepare import Plan, check_name, prepare
from reilab.datasets.recipe import Recipe
from reilab.datasets.store import data_root, open_store
from reilab.settings import choose, validate

ROOT = "Data root: where data sets are, also those that are prepared (REILAB_DATA)."
SOURCE = "Folder of the files, if they are not below the data root."

CHECK = """What there is of a data set, what is missing, where to get it.

Status 1 if it cannot be used yet."""

Root: TypeAlias = Annotated[Path | None, tyro.conf.arg(help=ROOT)]
PLACES = (option("source", Path | None, None, SOURCE), option("root", Path | None, None, ROOT))


def list_data(root: Root = None) -> None:
    """Every data set known, bundled ones too, and what is here of it."""
    console().print(sets_table(root or data_root()))


def _check(name: str, asked: Any) -> None:
    root = asked.root or data_root()
    if name not in KNOWN:
        store = open_store(root, name)
        if store is None:
            choose("data set", name, KNOWN)
            return
        store.verify()
        show_prepared(console(), store)
        return
    standing = standing_of(name, root, asked.source)
    if standing.store is not None:
        standing.store.verify()
    show_standing(console(), name, standing, root, asked.source)
    if standing.store is None and not standing.sources:
        raise SystemExit(1)


def _preparation(name: str, words: Sequence[str]) -> Node:
    known = KNOWN.get(name)
    usual = known.recipe() if known else Folder()
    about = known.description if known else "A folder of images of any format."
    return with_options(partial(_prepare, name), about, [*PLACES, settings_option("recipe", usual)])


def _prepare(name: str, asked: Any) -> None:
    check_name(name)
    validate(asked.recipe)
    plan = _plan(name, asked.recipe, asked.root or data_root(), asked.source)
    try:
        with live_preparation(console(stderr=True)) as watch:
            store = prepare(plan, watch)
    except KeyboardInterrupt:
        told = f"Interrupted; the same command goes on. What is done is in {plan.partial}"
        console(stderr=True).print(told, soft_wrap=True)
        raise
    show_prepared(console(), store, passed_over(plan.folder))


def _sets() -> dict[str, str]:
    yours = {"NAME": "Another name, for a folder of your own."}
    return {name: known.description for name, known in KNOWN.items()} | yours


check = Level(_sets, lambda name, words: with_options(partial(_check, name), CHECK, PLACES))
prepare_data = Level(_sets, _preparation)


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
