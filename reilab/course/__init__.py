"""What the course's notebooks show with: pictures, charts, tables, live progress. No widgets."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
