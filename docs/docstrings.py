"""Docstrings as Markdown has them: examples and literal blocks are code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

#: A prompt with the lines after it, up to an empty one.
EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1\S.*|\n\1 +\S.*)*", re.MULTILINE)


class Examples(Extension):  # type: ignore[misc]
    """Fences examples of a prompt, and lets ``::`` be a colon before a block."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Change the text of one docstring."""
        if obj.docstring is not None:
            text = re.sub(r"::$", ":", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = EXAMPLE.sub(fenced, text)


def fenced(match: re.Match[str]) -> str:
    """The example between fences, at its own depth."""
    return f"{match[1]}```pycon\n{match[0]}\n{match[1]}```"
