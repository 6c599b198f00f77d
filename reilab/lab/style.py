"""Colours and style sheets of the page; light and dark come from the theme's own variables."""

from __future__ import annotations

from collections.abc import Mapping

#: The system's own type; for the library's the browser fetched 22 files while it drew the page. A
#: thumb wants buttons of 44 pixels.
COMMON = {
    "typography": {
        "fontFamily": "system-ui, sans-serif",
        "button": {"textTransform": "none"},
    },
    "components": {
        "MuiIconButton": {
            "styleOverrides": {
                "root": {"@media (pointer: coarse)": {"minHeight": "44px", "minWidth": "44px"}}
            }
        }
    },
}
THEME = {
    "light": {"palette": {"primary": {"main": "#1a5fb4"}}, **COMMON},
    "dark": {"palette": {"primary": {"main": "#82b4ff"}}, **COMMON},
}
#: The header keeps its colours, whatever the theme. The page's busy indicator cannot be turned off
#: (the browser never hears of ``None``), and would be a nameless bar to screen readers.
HEADER = {
    "& .header": {"backgroundColor": "#12325e", "backgroundImage": "none", "color": "white"},
    "& .header .MuiLinearProgress-root": {"display": "none"},
}
#: How many times as large type is in a presentation.
LARGE = 1.35
#: The cursor of the curves, and the line of the swipe.
MARK = "#c9a400"


def slug(name: str) -> str:
    """The style class of a control, by which tests find it."""
    return f"reilab-{name.replace('_', '-').replace(' ', '-')}"


#: Columns and grids grow with what is in them; by default the page would hold them to one window.
TALL: Mapping[str, str] = {"flex": "none", "height": "max-content", "max-height": "none"}

#: A line of tools that wraps where there is no room.
LINE: Mapping[str, str] = {
    **TALL,
    "flex-wrap": "wrap",
    "gap": "8px 10px",
    "align-items": "center",
}

#: On a narrow page it is one line that is moved sideways, so that what is below it is seen.
SIDEWAYS = """
@media (max-width: 600px) { :host { flex-wrap: nowrap !important; overflow-x: auto !important; } }
"""

#: Each pane of text lives in a shadow root of its own and needs the sheet for itself.
#: The style class of a text without words.
EMPTY = "empty"
TEXT_CSS = """
:host(.empty) { display: none; }
:host { --px: calc(1px * var(--type, 1)); font: calc(14 * var(--px))/1.45 system-ui, sans-serif;
        color: var(--panel-on-surface-color); }
.bk-clearfix { display: block !important; }
h1 { font-size: 20px; font-weight: 600; margin: 0; letter-spacing: .01em; white-space: nowrap;
     overflow: hidden; text-overflow: ellipsis; }
h1 small { font-size: 14px; font-weight: 400; opacity: .85; margin-left: 10px; }
h2 { font-size: 13px; font-weight: 600; margin: 0; letter-spacing: .04em;
     text-transform: uppercase; opacity: .72; }
.meters { font-size: 13px; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media (max-width: 1250px) { h1 .tagline { display: none; } }
.narrow { display: none; }
@media (max-width: 900px) { .meters, h1 small { display: none; } .narrow { display: block; } }
p { margin: 0; }
.quiet { opacity: .72; font-size: calc(13 * var(--px)); }
/* Room for its longest words, so that what is below keeps its place. */
.stays { min-height: 1lh; }
@media (max-width: 900px) { .stays { min-height: 4lh; } }
.state { font-weight: 600; font-size: calc(16 * var(--px)); margin-right: 10px;
         white-space: nowrap; }
.notice { padding: 10px 14px; border-radius: 6px; border-left: 4px solid #d93025;
          background: color-mix(in srgb, #d93025 12%, transparent); overflow-wrap: anywhere; }
.empty { max-width: 620px; margin: 8vh auto 0; text-align: center; padding: 0 16px; }
.opening { max-width: 60ch; }
.opening strong { font-size: 16px; font-weight: 600; }
.meter { max-width: 76ch; display: flex; align-items: center; gap: 4px 10px; font-size: 13px;
         flex-wrap: wrap; }
.meter .bar { flex: none; width: 120px; height: 8px; border-radius: 4px; overflow: hidden;
              background: color-mix(in srgb, var(--panel-primary-color) 22%, transparent); }
.meter .bar span { display: block; height: 100%; background: var(--panel-primary-color); }
.empty strong { display: block; font-size: 22px; font-weight: 600; margin-bottom: 10px; }
.title, .caption { display: flex; align-items: center; gap: 6px; white-space: nowrap;
                   height: calc(22 * var(--px)); }
.name { font-weight: 600; overflow: hidden; text-overflow: ellipsis; }
.caption { justify-content: space-between; font-size: calc(12.5 * var(--px)); height: 20px; }
.caption .name { font-weight: 500; }
.caption span + span { opacity: .8; }
.numbers { font-variant-numeric: tabular-nums; font-size: calc(13 * var(--px)); white-space: nowrap;
           height: calc(20 * var(--px));
           overflow: hidden; text-overflow: ellipsis; }
.awaited { aspect-ratio: 1; margin-top: 6px; background: var(--panel-on-surface-color);
           opacity: .08; }
.chip { flex: none; width: 10px; height: 10px; border-radius: 2px; }
.scale { display: flex; align-items: center; gap: 4px 8px; font-size: calc(12.5 * var(--px));
         flex-wrap: wrap; margin-top: 10px; font-variant-numeric: tabular-nums; }
.scale .quiet { margin-right: auto; font-size: 12.5px; }
.scale .key { display: flex; align-items: center; gap: 8px; }
.scale .key span { flex: none; }
.scale .key .words { flex: 0 1 auto; }
.scale .bar { width: 220px; height: 10px; border-radius: 2px; }
@media (max-width: 900px) { .scale .bar { width: 90px; } }
.moment { display: inline-block; min-width: 6.5em; text-align: right; white-space: nowrap;
          font-variant-numeric: tabular-nums; }
.formulas { display: grid; grid-template-columns: minmax(0, 1fr); gap: 10px; margin-bottom: 8px;
            overflow-x: auto; }
.formula { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 2px 8px;
           font-size: calc(16 * var(--px)); white-space: nowrap; }
.formula .whose .chip { display: inline-block; margin-right: 8px; }
.formula .term { display: inline-flex; flex-direction: column; align-items: center; }
.formula small { font-size: calc(12 * var(--px)); opacity: .78; min-height: 16px; }
.formula b { font-variant-numeric: tabular-nums; }
.tour h2, .tour p { margin: 0 0 6px; max-width: 80ch; }
.tour ol { display: flex; flex-wrap: wrap; gap: 4px 30px; margin: 0 0 12px; padding-left: 18px; }
.tour [aria-current] { font-weight: 600; }
.tour h2 { text-transform: none; font-size: calc(15 * var(--px)); opacity: 1; }
@media (max-width: 900px) {
  .tour :is(h2, li:not([aria-current])) { position: absolute; clip-path: inset(50%); }
}
.hidden { position: absolute; clip-path: inset(50%); }
.keys { display: grid; grid-template-columns: max-content 1fr; gap: 6px 16px; margin: 8px 0 0; }
.keys dd { margin: 0; }
pre { margin: 0; padding: 8px 12px; border-radius: 6px; white-space: pre-wrap; font-size: 13px;
      overflow-wrap: anywhere;
      background: color-mix(in srgb, var(--panel-primary-color) 10%, transparent); }
kbd { font: inherit; font-size: 13px; padding: 1px 7px; border: 1px solid var(--border-color);
      border-radius: 4px; white-space: nowrap; }
.progress { height: 4px; border-radius: 2px; overflow: hidden;
            background: color-mix(in srgb, var(--panel-primary-color) 35%, transparent); }
.progress span { display: block; height: 100%; background: var(--panel-primary-color);
                 transition: width .3s; }
.row-head, .key { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px; }
.row-head { border-top: 1px solid var(--border-color); padding-top: 8px; }
.row-head .letter { font-size: 18px; }
.key { gap: 4px 18px; margin-bottom: 6px; font-size: 13px; }
.key .chip { display: inline-block; }
ul { margin: 4px 0 0; padding-left: 18px; }
"""
