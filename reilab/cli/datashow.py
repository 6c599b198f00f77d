"""What ``reilab data`` prints: tables, progress, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from reilab.cli.terminal import words
from reilab.datasets.bundled import BUNDLED
from reilab.datasets.known import KNOWN, KnownSet, SetStanding, standing_of
from reilab.datasets.prepare import Progress as Step
from reilab.datasets.samples import KINDS
from reilab.datasets.store import FILE, HALF, LEVELS, Store, data_root, open_store, prepared_names
from reilab.tasks.registry import find_task

#: So many files that failed, and that hold no truth, are named; the store has them all.
FAILED, LEFT_OUT = 20, 2
UNREADABLE = "cannot be read"
#: Images that stay below this are hard to see, and their noise is as small.
DARK = 0.25
NOTHING: Mapping[str, int] = {}
#: What images of so many channels are usually trained for.
TASK_OF = {1: "ct", 2: "mri", 3: "inpainting"}


@contextmanager
def live_preparation(console: Console) -> Iterator[Callable[[Step], None]]:
    """A bar over the files, with the images so far, the failures, and the time left."""
    with Progress(
        words("files", "bold"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        words("{task.fields[told]}"),
        TimeElapsedColumn(),
        words("ETA"),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task("files", total=None, told="")

        def watch(step: Step) -> None:
            failed = f", {step.n_failed} failed" if step.n_failed else ""
            told = f"{step.n_images} images{failed}"
            progress.update(bar, completed=step.done, total=step.total, told=told)

        yield watch


def sets_table(root: Path) -> Table:
    """Every data set known, bundled ones too, and what is here of it."""
    table = Table(title=f"Data sets (data root: {root})", title_justify="left")
    table.add_column("name", no_wrap=True)
    for column in ("what it is", "images", "here", "licence"):
        table.add_column(column)
    for name, bundled in BUNDLED.items():
        kind = KINDS[bundled.channels]
        table.add_row(name, bundled.description, kind, "bundled", bundled.licence)
    for name, known in KNOWN.items():
        kind = KINDS[known.recipe().channels]
        table.add_row(name, known.description, kind, _here(name, root), known.licence)
    for name in prepared_names(root):
        if name not in KNOWN:
            table.add_row(name, *_yours(name, root), "yours")
    return table


def _yours(name: str, root: Path) -> tuple[str, str, str]:
    """What a set of images of the user is, their kind, and how many there are."""
    try:
        store = open_store(root, name)
    except ValueError:
        return "Your images.", "", UNREADABLE
    assert store is not None
    return f"Your images, {store.size}².", KINDS[store.channels], _counts(store)


def show_standing(
    console: Console, name: str, standing: SetStanding, root: Path, source: Path | None
) -> None:
    """What is there of a known data set, what is missing, where to get it, what to do next.

    Args:
        console: where to print.
        name: of the data set.
        standing: what was found.
        root: the data root.
        source: the folder that was named for its files, if one was.
    """
    known = KNOWN[name]
    rows = _grid(f"{known.title}: {known.description}")
    store, found = standing.store, len(standing.sources)
    prepared = f"{_counts(store)}, checksums agree" if store else "no"
    rows.add_row("prepared", prepared)
    rows.add_row(
        "files", f"{n_files(found)} in {standing.folder}" if found else _nowhere(known, root)
    )
    if 0 < found < known.count and not _is_whole(standing):
        rows.add_row("missing", f"{known.count - found} of {known.count}; fewer can be used too")
    rows.add_row("where", known.address)
    rows.add_row("access", known.access)
    rows.add_row("licence", known.licence)
    for download in known.downloads:
        rows.add_row("file", f"{download.name}, {download.size}: {download.what}")
    console.print(rows, soft_wrap=True)
    if store:
        _tell_next(console, next_training(store, root))
    elif found:
        places = [] if source is None else ["--source", str(source)]
        words = ["reilab", "data", "prepare", name, "--root", str(root), *places]
        _tell_next(console, shlex.join(words))


def show_prepared(console: Console, store: Store, over: Mapping[str, int] = NOTHING) -> None:
    """What came of a preparation: images, size, what failed or was left out, what to do next.

    Args:
        console: where it is shown.
        store: what was prepared.
        over: how many files were passed over, by the reason.
    """
    rows = _grid(f"{store.name}: prepared in {store.folder}")
    rows.add_row("images", f"{_counts(store)}, {store.size}², {KINDS[store.channels]}")
    n_bytes = sum(file.stat().st_size for file in store.folder.iterdir())
    rows.add_row("on disk", f"{n_bytes / 1e6:.1f} MB, from {n_files(len(store.sources))}")
    _add_notes(rows, "failed", store.failed, FAILED)
    _add_notes(rows, "without truth", store.left_out, LEFT_OUT)
    _add_notes(rows, "mended", store.mended, LEFT_OUT)
    for reason, count in over.items():
        rows.add_row("passed over", f"{n_files(count)} {reason}")
    if (brightest := _brightest(store)) < DARK:
        rows.add_row("dark", f"the brightest pixel is {brightest:.3g}, and white is 1; look at it")
    if twice := _in_both(store):
        rows.add_row("in both", f"{twice} images to validate or test are training images too")
    rows.add_row("look at", str(store.folder / "contact_sheet.png"))
    console.print(rows, soft_wrap=True)
    _tell_next(console, next_training(store, store.folder.parents[1]))


def _tell_next(console: Console, command: str) -> None:
    """In one piece, as it is to be copied: a table would fold it."""
    console.print(Text.assemble(("next", "bold"), f"  {command}"), soft_wrap=True)


def _grid(title: str) -> Table:
    table = Table.grid(padding=(0, 2))
    table.title, table.title_justify = title, "left"
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _add_notes(rows: Table, word: str, notes: Mapping[str, str], named: int) -> None:
    if notes:
        rows.add_row(word, n_files(len(notes)))
    alike: dict[str, list[str]] = {}
    for name, reason in notes.items():
        alike.setdefault(reason, []).append(name)
    for reason, (name, *others) in islice(alike.items(), named):
        more = f" (and {n_files(len(others))} more)" if others else ""
        rows.add_row("", f"{name} {reason}{more}")
    if len(alike) > named:
        rows.add_row("", f"… and {len(alike) - named} other reasons, see {FILE}")


def n_files(count: int) -> str:
    """``1 file``, ``2 files``."""
    return f"{count} file{'s' * (count != 1)}"


def _here(name: str, root: Path) -> str:
    try:
        standing = standing_of(name, root, None)
    except ValueError:
        return UNREADABLE
    if standing.store:
        return _counts(standing.store)
    return f"{n_files(len(standing.sources))}, not prepared" if standing.sources else "no"


def _counts(store: Store) -> str:
    counts = {split: len(entries) for split, entries in store.images.items()}
    between = f"{counts['validation']} to validate, " if counts["validation"] else ""
    return f"{counts['train']} to train, {between}{counts['test']} to test"


def _in_both(store: Store) -> int:
    train = {entry.sha256 for entry in store.images["train"]}
    others = (*store.images["validation"], *store.images["test"])
    return sum(entry.sha256 in train for entry in others)


def _brightest(store: Store) -> float:
    """The largest value, or magnitude of a part, in the training images."""
    peak = max(int(image.max()) for image in store.each("train"))
    return store.low + (1 - store.low) * (peak + HALF) / LEVELS


def _is_whole(standing: SetStanding) -> bool:
    """One file that holds them all."""
    return len(standing.sources) == 1 and standing.sources[0].split is None


def _nowhere(known: KnownSet, root: Path) -> str:
    return f"none in {root / known.folders[0]}; put them there, or name their folder with --source"


def next_training(store: Store, root: Path) -> str:
    """A command that trains on these images as they are: their side, and so many of them."""
    known = KNOWN.get(store.origin)
    published = known is not None and store.name == store.origin
    name = known.task if known and published else TASK_OF[store.channels]
    task, preset = find_task(name), "paper" if published else "quick"
    spec, batch = task.configure(preset, {}), task.preset(preset).training.batch
    step, least = task.settings["size"].multiple_of, task.settings["size"].low
    side, n_train = store.size - store.size % (step or 1), len(store.images["train"])
    if side < (least or 0):
        return f"prepare them again with --size {least:g} or more: smaller ones train no network"
    words = (
        ["reilab", "train", name, "--preset", preset] if published else ["reilab", "compare", name]
    )
    words += ["--data", store.name] if store.name != vars(spec)["data"] else []
    words += ["--size", str(side)] if side < vars(spec)["size"] else []
    words += ["--batch", str(n_train)] if n_train < batch else []
    words += ["--device", "cuda"] if published and torch.cuda.is_available() else []
    prefix = "" if root == data_root() else f"REILAB_DATA={shlex.quote(str(root))} "
    return prefix + shlex.join(words)
