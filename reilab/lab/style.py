"""Colours and style sheets of the page; light and dark come from the theme's own variables."""

from __future__ import annotations

from collections.abc import Mapping

#: At least 3:1 against both backgrounds, and told apart by colour-blind eyes.
COLOURS: Mapping[str, str] = {
    "ei": "#d97706",
    "rei": "#2b87d1",
    "supervised": "#0e9f6e",
    "sure": "#c2569b",
    "mc": "#8b7355",
}
NEUTRAL = "#808080"
ERROR_COLOURS = "inferno"


def colour_of(method: str) -> str:
    """The colour of a method wherever it appears."""
    return COLOURS.get(method, NEUTRAL)


#: Columns and grids grow with what is in them; by default the page would hold them to one window.
TALL: Mapping[str, str] = {"flex": "none", "height": "max-content", "max-height": "none"}

#: Each pane of text lives in a shadow root of its own and needs the sheet for itself.
TEXT_CSS = """
:host { font-size: 14px; line-height: 1.45; color: var(--panel-on-surface-color); }
h1 { font-size: 20px; font-weight: 600; margin: 0; letter-spacing: .01em; white-space: nowrap; }
h1 small { font-size: 14px; font-weight: 400; opacity: .85; margin-left: 10px; }
h2 { font-size: 13px; font-weight: 600; margin: 0; letter-spacing: .04em;
     text-transform: uppercase; opacity: .72; }
@media (max-width: 800px) { h1 small { display: none; } }
p { margin: 0; }
.quiet { opacity: .72; font-size: 13px; }
.state { font-weight: 600; font-size: 16px; margin-right: 10px; white-space: nowrap; }
.notice { padding: 10px 14px; border-radius: 6px; border-left: 4px solid #d93025;
          background: color-mix(in srgb, #d93025 12%, transparent); overflow-wrap: anywhere; }
.empty { max-width: 620px; margin: 8vh auto 0; text-align: center; padding: 0 16px; }
.empty strong { display: block; font-size: 22px; font-weight: 600; margin-bottom: 10px; }
.title { display: flex; align-items: baseline; gap: 6px; margin-bottom: 4px; white-space: nowrap; }
.title .name { font-weight: 600; overflow: hidden; text-overflow: ellipsis; }
.title .psnr { margin-left: auto; font-variant-numeric: tabular-nums; font-size: 13px; }
.chip { flex: none; width: 10px; height: 10px; border-radius: 2px; align-self: center; }
.scale { font-size: 12px; opacity: .9; }
.scale .bar { height: 10px; border-radius: 2px; margin: 6px 0 2px; }
.scale .ends { display: flex; justify-content: space-between;
               font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px; text-align: right; white-space: nowrap;
         border-bottom: 1px solid var(--divider-color, #8884); }
th { font-weight: 600; font-size: 13px; }
th[scope=row], thead th:first-child { text-align: left; }
th[scope=row] .chip { display: inline-block; margin-right: 8px; }
th small { font-weight: 400; opacity: .72; }
ul { margin: 4px 0 0; padding-left: 18px; }
"""
