"""Sources: the images that a task can learn from, bundled or in folders of the data root."""

from __future__ import annotations

import os
from pathlib import Path

from reilab.datasets.bundled import BUNDLED
from reilab.datasets.folder import SUFFIXES
from reilab.tasks.registry import Task


def image_sources(task: Task) -> dict[str, str]:
    """Words for each source, by the value of the setting ``data``; empty if there is no such."""
    usual = vars(task.spec()).get("data", "")
    if usual not in BUNDLED:
        return {usual: usual} if usual else {}
    channels = BUNDLED[usual].channels
    fitting = [name for name, known in BUNDLED.items() if known.channels == channels]
    return {name: BUNDLED[name].title for name in fitting} | {
        name: f"Folder {name}" for name in _folders() if name not in BUNDLED
    }


def _folders() -> list[str]:
    root = Path(os.environ.get("REILAB_DATA", "data"))
    if not root.is_dir():
        return []
    folders = (folder for folder in root.iterdir() if folder.is_dir())
    return sorted(folder.name for folder in folders if _has_images(folder))


def _has_images(folder: Path) -> bool:
    return any(file.suffix.lower() in SUFFIXES for file in folder.rglob("*"))
