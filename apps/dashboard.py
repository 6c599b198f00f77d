"""The lab as a served script: ``panel serve apps/dashboard.py``."""

import panel as pn

from reilab.lab.door import Door
from reilab.lab.page import session
from reilab.record.folder import runs_root

if pn.state.served:
    session(runs_root(), Door()).servable()
