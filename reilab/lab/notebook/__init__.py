"""The lab in a Jupyter notebook, with ipywidgets: ``from reilab.lab.notebook import lab``."""

from reilab.lab.notebook.panel import LabPanel, lab

__all__ = ["LabPanel", "lab"]
