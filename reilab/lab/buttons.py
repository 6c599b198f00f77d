"""Buttons of the lab: small ones for lines of tools."""

from __future__ import annotations

from collections.abc import Callable

import panel_material_ui as pmui

from reilab.lab.style import slug


def small_button(
    label: str, action: Callable[[], None], name: str, variant: str = "outlined"
) -> pmui.Button:
    """A small button; ``name`` is that of its style class, by which tests find it."""
    return pmui.Button(
        label=label,
        size="small",
        variant=variant,
        css_classes=[slug(name)],
        margin=0,
        align="center",
        on_click=lambda event: action(),
    )
