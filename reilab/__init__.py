"""reilab: see networks learn to image from noisy, incomplete measurements alone.

>>> import reilab
>>> from reilab.methods import EI, REI
>>> from reilab.tasks import MRI
>>> how = reilab.TrainConfig(steps=400)
>>> history = reilab.run(MRI(sigma=0.05), [EI(), REI(alpha_req=3.0)], how)    # doctest: +SKIP
>>> history.tracks["rei"].metrics.psnr                                        # doctest: +SKIP
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
