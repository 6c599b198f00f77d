"""Sources: the images that a task can learn from: bundled, prepared, or in folders of the root."""

from __future__ import annotations

from pathlib import Path

from reilab.datasets.bundled import BUNDLED
from reilab.datasets.formats.reader import READERS
from reilab.datasets.known import KNOWN
from reilab.datasets.store import Store, data_root, prepared_folder, prepared_sets
from reilab.tasks.registry import Task


def image_sources(task: Task) -> dict[str, str]:
    """Words for each source, by the value of the setting ``data``; empty if there is no such."""
    usual = vars(task.spec()).get("data", "")
    if usual not in BUNDLED:
        return {usual: usual} if usual else {}
    channels = BUNDLED[usual].channels
    fitting = [name for name, known in BUNDLED.items() if known.channels == channels]
    prepared = [s for s in prepared_sets(data_root()) if _suits(s, task.name, channels)]
    return (
        {name: BUNDLED[name].title for name in fitting}
        | {f.name: f"Folder {f.name}" for f in _folders() if f.name not in (*BUNDLED, *KNOWN)}
        | {store.name: _title(store) for store in prepared}
    )


def _suits(store: Store, task: str, channels: int) -> bool:
    """Whether the images of a prepared set can be those of a task."""
    known = KNOWN.get(store.origin)
    return known is None or known.task == task or store.channels == channels


def _title(store: Store) -> str:
    known = KNOWN.get(store.origin)
    return known.title if known and store.name == store.origin else f"Prepared {store.name}"


def _folders() -> list[Path]:
    root = data_root()
    if not root.is_dir():
        return []
    folders = (f for f in root.iterdir() if f.is_dir() and f != prepared_folder(root))
    return sorted(folder for folder in folders if _has_images(folder))


def _has_images(folder: Path) -> bool:
    return any(file.suffix.lower() in READERS for file in folder.rglob("*"))
