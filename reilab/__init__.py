"""reilab: see networks learn to image from noisy, incomplete measurements alone.

>>> import reilab
>>> config = reilab.configure("mri", "smoke", methods=["ei", "rei"])
>>> history = reilab.run(config)                                # doctest: +SKIP
>>> history.tracks["rei"].metrics.psnr                          # doctest: +SKIP
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
