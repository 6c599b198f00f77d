"""Noise models, each with Stein's unbiased estimate of the risk it leaves behind: one file each.

With u = A(x) the noise-free measurement, y its noisy version and h = A∘f, a model that has an
estimate keeps the one promise E[sure(y, h, h(y))] = E[(1/m) ‖h(y) − u‖²], m the number of measured
entries. ``sure`` never sees u. Derivatives of h are taken by finite differences of step ``tau``
along random probes. A new file in this folder is a new model.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
