"""The style sheet of the notebook's lab; light and dark come from JupyterLab's own variables."""

from __future__ import annotations

from pathlib import Path

from reilab.lab.style import TEXT_CSS, slug
from reilab.methods.registry import methods

#: The sheet of the page's texts, with the notebook's colours.
_TEXTS = f"""
.reilab-lab {{
  --panel-primary-color: var(--jp-brand-color1, #1a5fb4);
  --panel-on-surface-color: var(--jp-ui-font-color1, inherit);
  --border-color: var(--jp-border-color1, #8888);
  {TEXT_CSS}
}}
"""
_CHIPS = "".join(
    f".reilab-lab .{slug(f'check {name}')} {{ --chip: {one.colour}; }}\n"
    for name, one in methods().items()
)
_OWN = (Path(__file__).parent / "lab.css").read_text(encoding="utf-8")
STYLE = _TEXTS + _CHIPS + _OWN
