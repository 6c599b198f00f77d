# %% [markdown]
# # 10 · Your own inverse problem, in one file
#
# **Goal.** Write down a problem that the lab does not know, check that its parts keep their promises, ask the meter which symmetry can help, and train.
#
# The paper asks an inventor for three things, and so does reilab: **how the device measures** ($A$, with some way back), **what its noise is**, and **under which transforms images stay images**. Here: the sensor of a camera. It has one colour filter in front of each pixel, in tiles of red, green, green and blue, so it measures *one* number where the photograph has three:
# $$(A x)_{r,c} = x_{k(r,c),\,r,\,c}, \qquad k(r,c) = \text{red, green or blue, by where the pixel is.}$$
# Two thirds of the colours are lost; to guess them is called demosaicking. Nobody has photographs of the same scene with all three colours at every pixel, so learning from measurements is no exercise here.

# %% tags=["parameters"]
preset = "quick"
interactive = True
steps = 150

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import torch
from IPython.display import display

import reilab
from reilab.course import Curves, Table, results_table, row, train
from reilab.groups import GROUPS
from reilab.identifiability import seen_through
from reilab.registry import load_plugin
from reilab.runs.report import as_command
from reilab.show.figures import comparison
from reilab.tasks import find_task
from reilab.testing import check_task

# %% [markdown]
# ## The file
#
# This cell is the whole plug-in; it is written to a file and then loaded, as if you had it in your own folder. The operator is a frozen dataclass with five things: `domain`, `range`, a call, `pinv`, and, because it is linear, `adjoint`. The task is another, whose fields become the options of the command line and the controls of the lab.

# %%
file = Path(tempfile.mkdtemp()) / "mosaic.py"

# %%
# %%writefile {file}
"""Colour mosaic: one colour per pixel, as a camera's sensor sees; photons and electronics."""

from dataclasses import dataclass
from typing import Annotated

import torch

from reilab.datasets import InMemory, load_images
from reilab.groups import GROUPS
from reilab.nets import UNetSpec
from reilab.noise import PoissonGaussian
from reilab.problem import Problem
from reilab.settings import Setting
from reilab.tasks import Preset, task
from reilab.training.config import TrainConfig


@dataclass(frozen=True)
class ColourMosaic:
    """(B, 3, H, W) to (B, 1, H, W): red where row and column are even, blue where both are odd."""

    domain: tuple[int, int, int]

    @property
    def range(self):
        return 1, *self.domain[1:]

    def __call__(self, x):
        return (x * self.filters(x)).sum(1, keepdim=True)

    def adjoint(self, y):
        return y * self.filters(y)

    def pinv(self, y):
        return self.adjoint(y)

    def filters(self, like):
        odd_row = torch.arange(self.domain[1])[:, None] % 2
        odd_column = torch.arange(self.domain[2])[None, :] % 2
        n_odd = odd_row + odd_column
        return torch.stack([n_odd == colour for colour in range(3)]).to(like)


SMOKE = TrainConfig(steps=4, batch=2, log_every=1, evaluate_every=2)
QUICK = TrainConfig(steps=400, batch=4, evaluate_every=50, learning_rate=2e-3)
PRESETS = {
    "smoke": Preset({"size": 32}, SMOKE, network=UNetSpec(width=8)),
    "quick": Preset({"size": 64}, QUICK, {}, UNetSpec(width=16), {"transforms": 1}),
}


@task("mosaic", title="Colour mosaic", noise="gain", presets=PRESETS)
@dataclass(frozen=True)
class Mosaic:
    """Colour mosaic: one colour per pixel, Poisson and Gaussian noise, shifts."""

    size: Annotated[int, Setting("Image side.", unit="pixels", low=32, multiple_of=8)] = 64
    gain: Annotated[float, Setting("Gain.", positive=True, slider=(0.005, 0.1))] = 0.02
    sigma: Annotated[float, Setting("Noise of the electronics.", low=0.0, slider=(0, 0.1))] = 0.02
    group: Annotated[str, Setting("Transforms.", choices=GROUPS)] = "shifts"

    def build(self, device="cpu"):
        photos = {s: load_images("urban", s, self.size, 3).to(device) for s in ("train", "test")}
        return Problem(
            physics=ColourMosaic((3, self.size, self.size)),
            noise=PoissonGaussian(self.sigma, self.gain),
            group=GROUPS[self.group](self.size),
            train=InMemory(photos["train"]),
            test=InMemory(photos["test"]),
        )


# %% [markdown]
# ## Does it keep its promises?
#
# `check_task` builds the smallest preset and tries everything that the training relies on: shapes and number formats, a batch equals its images one by one, $\langle A x, y\rangle = \langle x, A^\top y\rangle$, gradients flow, the noise repeats, its SURE is unbiased, transforms have inverses. It is silent if all is well, and names the broken promise if not.

# %%
load_plugin(file)
check_task(find_task("mosaic"))
training = {"steps": steps, "milestones": (3 * steps // 4,)}
config = reilab.configure("mosaic", preset, ["ei", "rei", "supervised"], training=training)
problem = reilab.build(config)
config.spec

# %%
x = problem.test.batch(torch.tensor([6])).x
y = problem.noise.sample(problem.physics(x), [reilab.Key(0).generator()])
row({"x": x, "A x": problem.physics(x), "y": y, "A†y": problem.physics.pinv(y)})

# %% [markdown]
# ## Which symmetry can help?
#
# Ask before training, on a small image (notebook 2). A mosaic commutes with shifts by an even number of pixels, so those teach nothing. But odd shifts bring red to where green is seen.

# %%
small = type(problem.physics)((3, 16, 16))
elements = {name: make(16).sample(24, reilab.Key(1).generator()) for name, make in GROUPS.items()}
even = 2 * elements["shifts"]


def outlook(told, group, g):
    share = seen_through(small, group, g, reilab.Key(0)).share()
    return {"24 transforms": told, "share seen": f"{share.value:.3f} ± {share.deviation:.3f}"}


rows = [outlook(name, make(16), elements[name]) for name, make in GROUPS.items()]
Table([*rows, outlook("even shifts", GROUPS["shifts"](16), even)])

# %% [markdown]
# **What you should see.** Each of the groups sees everything sooner or later, even the three flips: mirrored, an even column becomes an odd one. Even shifts see a third, like the sensor alone.
#
# ## Train it
#
# Everything that holds for the other tasks holds for this one.

# %%
history = train(config, interactive)

# %%
display(comparison(history, image=1), results_table(history))

# %%
Curves(history)

# %% [markdown]
# **What you should see.** A network that has never seen a pixel with three colours gives every pixel three colours; REI with less noise than EI, and not far from `supervised`.
#
# ## In the command line and the lab
#
# Name the file in the environment, and the task stands beside the others, with its settings as options and controls:
#
# ```sh
# export REILAB_PLUGINS=mosaic.py
# reilab compare mosaic --gain 0.05
# reilab app
# ```
#
# The command of any configuration:

# %%
print(as_command(config))

# %% [markdown]
# ## Questions to try
#
# 1. Break a promise: let `adjoint` return `2 * y * self.filters(y)`, and run the cells again. What does `check_task` say?
# 2. `settings={"group": "flips"}`: the meter says that three transforms are enough. What does training say?
# 3. `A†y` is dark and green. Write a `pinv` that spreads each colour to its neighbours. Does a better start help EI? REI?
# 4. Real photographs have more green detail than red. Move the filters so that red is seen twice per tile. What changes?
# 5. Your own device: what is its $A$, what is its noise, and what can one do to its images so that they stay images?
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# `AssertionError: ⟨Ax, y⟩ = 15.3922 but ⟨x, Aᵀy⟩ = 30.7844`: the two numbers that have to be equal, and which they are.
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# All dimensions are seen by flips, too, but there are only three of them: each hidden colour is looked at from one or two other places, always the same. Shifts bring it to many. Compare at the same number of steps, in the null space.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# Copy each colour to the pixels of its tile, or take means of neighbours. The measured pixels should stay as they are, $A A^\dagger y = y$. It saves the network the first steps, EI and REI alike, because they begin with a picture that is nearly right. It changes nothing about what can be learnt.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# Green would be measured at a quarter of the pixels and red at half. More detail is then in what is lost, and all methods should fall, the more the greener the picture: count it in the PSNR of the null space.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# Write down the three, on paper, before the file. If the third comes hard, ask what could be done to the *device* or to the object without anybody minding.
#
# </details>
