"""put: change a part of the page in place."""

from __future__ import annotations

from typing import Any

from param.parameterized import batch_call_watchers


def put(part: Any, **values: Any) -> None:
    """Set those attributes that differ, as one change.

    ``param.update`` does the same, but first reads all that the part has, which took a third of an
    update of the page.
    """
    with batch_call_watchers(part):
        for name, value in values.items():
            if getattr(part, name) != value:
                setattr(part, name, value)
