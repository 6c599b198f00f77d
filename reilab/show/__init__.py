"""Show: what a run comes to, as panes, tables, curves, figures and words."""
