"""reilab: see networks learn to image from noisy, incomplete measurements alone.

>>> import reilab
>>> config = reilab.configure("mri", "smoke", methods=["ei", "rei"])
>>> history = reilab.run(config)                                # doctest: +SKIP
>>> history.tracks["rei"].metrics.psnr                          # doctest: +SKIP
"""

from reilab.groups import Flips, QuarterTurns, Rotations, Shifts
from reilab.key import Key
from reilab.methods.registry import method, methods
from reilab.nets.registry import network, networks
from reilab.noise import Gaussian, Poisson, PoissonGaussian
from reilab.problem import Measurement, Problem
from reilab.record.folder import RunFolder, find_run, list_runs
from reilab.record.history import History, history_of
from reilab.runs.config import RunConfig, build, configure
from reilab.runs.stream import run, stream
from reilab.settings import Setting
from reilab.tasks.registry import Preset, task, tasks
from reilab.training.compare import compare
from reilab.training.config import TrainConfig
from reilab.training.train import train

__all__ = [
    "Flips",
    "Gaussian",
    "History",
    "Key",
    "Measurement",
    "Poisson",
    "PoissonGaussian",
    "Preset",
    "Problem",
    "QuarterTurns",
    "Rotations",
    "RunConfig",
    "RunFolder",
    "Setting",
    "Shifts",
    "TrainConfig",
    "build",
    "compare",
    "configure",
    "find_run",
    "history_of",
    "list_runs",
    "method",
    "methods",
    "network",
    "networks",
    "run",
    "stream",
    "task",
    "tasks",
    "train",
]
