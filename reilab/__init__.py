"""reilab: see networks learn to image from noisy, incomplete measurements alone.

>>> import reilab
>>> from reilab.methods import EI, REI
>>> from reilab.tasks import MRI
>>> how = reilab.TrainConfig(steps=400)
>>> history = reilab.run(MRI(sigma=0.05), [EI(), REI(alpha_req=3.0)], how)    # doctest: +SKIP
>>> history.tracks["rei"].metrics.psnr                                        # doctest: +SKIP
"""

import os

import lazy_loader

# How long the threads of GNU's OpenMP, which torch brings and which reads it when it is loaded,
# keep a core busy while they wait for each other. A run that has the machine to itself takes 3 %
# longer than with their own 300 000 rounds; of two runs on the same cores each step took up to
# fifty times as long with those (``docs/LOG.md``).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "300")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
