"""Colour maps of the images, by the names that they have on screen."""

from __future__ import annotations

from collections.abc import Mapping

from bokeh import palettes
from bokeh.palettes import Cividis256, Greys256, Magma256, Viridis256

from reilab.show.panes import ERROR_COLOURS

MAPS: Mapping[str, tuple[str, ...]] = {
    "grey": Greys256,
    "inverted grey": tuple(reversed(Greys256)),
    "viridis": Viridis256,
    "magma": Magma256,
    "cividis": Cividis256,
}
ERROR_MAP: tuple[str, ...] = getattr(palettes, ERROR_COLOURS)(256)
