# %% [markdown]
# # 3 · Equivariant Imaging, without noise
#
# **Goal.** Train a network to fill in what was never measured, without one complete image; and see that it learns nothing where the group teaches nothing.
#
# With $f$ the network, $x_1 = f(y)$ and $T_g$ a random transform, **Equivariant Imaging** (EI, [Chen, Tachella & Davies 2021](https://arxiv.org/abs/2103.14756)) minimises
# $$\underbrace{\tfrac1m\,\|y - A\,x_1\|^2}_{\text{measurement consistency (MC)}} \;+\; \alpha\,\underbrace{\tfrac1n\,\|T_g x_1 - f(A\,T_g x_1)\|^2}_{\text{equivariance (EQ)}}.$$
# The first term holds on to what was measured and is blind to the rest (notebook 1). The second takes the network's own reconstruction, transforms it, measures it *as if it were an image*, and asks the network to find it again. A reconstruction that is wrong where $A$ is blind comes to lie where $A$ sees, and is found out. No clean image is needed anywhere.

# %% tags=["parameters"]
preset = "quick"
interactive = True
steps = 160

# %%
# %matplotlib inline
from dataclasses import replace

import torch
from IPython.display import display

import reilab
from reilab.course import Axes, Curves, chart, gains_table, psnr_lines, results_table, train, watch
from reilab.groups import Shifts
from reilab.physics import PixelMask
from reilab.problem import Picture
from reilab.runs.stream import prepare_problem
from reilab.show.figures import comparison

# %% [markdown]
# ## Inpainting, nearly without noise
#
# Three tenths of the pixels are missing, always the same ones. Three networks start from the same weights and see the same measurements. `mc` is the first term of EI alone; `supervised` is shown the complete photographs, and says what could be reached.

# %%
training = {"steps": steps, "milestones": (3 * steps // 4,)}
settings = {"gamma": 1e-4}
config = reilab.configure(
    "inpainting", preset, ["mc", "ei", "supervised"], settings=settings, training=training
)
history = train(config, interactive)

# %%
display(comparison(history, image=1), results_table(history))

# %%
Curves(history)

# %% [markdown]
# **What you should see.** `mc` ends where $A^\dagger y$ is, holes and all, though its loss is as small as any: the pixels that it was never asked about stay as they were. `ei` fills them in, and comes within a few dB of `supervised`. It learnt what photographs look like from photographs that all had the same holes.

# %% [markdown]
# ## Where the gain lies
#
# The error $\hat x - x$ splits into what $A$ sees of it and what lies in its null space (notebook 2): here, the error at the pixels that were measured, and at those that were not. Both as PSNR, above that of $A^\dagger y$:

# %%
gains_table(history)


# %% [markdown]
# **What you should see.** All that `ei` has won, it has won in the null space, where no measurement has ever been: that is what equivariance teaches. `mc` stays where $A^\dagger y$ is there. In the range $A^\dagger y$ is nearly perfect at so little noise, and there is hardly anything to win.
#
# ## A group that teaches nothing
#
# Now the mask is a chequerboard: every second pixel is missing. Two networks, both trained by EI, U-Nets that end with a step towards the measurements (`consistent`):
#
# - with all shifts: by one pixel, black squares come to lie on white ones;
# - with even shifts only: they map the mask onto itself. These commute with $A$, and notebook 2 says that they teach nothing.

# %%
class EvenShifts:
    def sample(self, n, rng):
        return 2 * Shifts(config.spec.size // 2).sample(n, rng)

    def act(self, g, x):
        return Shifts(config.spec.size).act(g, x)

    def inverse(self, g):
        return -g


# %%
half = {"steps": max(steps // 2, 2), "milestones": (3 * steps // 8,)}
chequered = reilab.configure(
    "inpainting",
    preset,
    ["ei"],
    network="consistent",
    settings=settings | {"width": 16},
    training=half,
)
size = chequered.spec.size
tile = (torch.arange(size)[:, None] + torch.arange(size)) % 2 == 0
mask = PixelMask((3, size, size), tile.flatten().nonzero().flatten())
picture = Picture("Chequered photograph", mask.adjoint)
problem = replace(reilab.build(chequered), physics=mask, picture=picture)
groups = {"all shifts": Shifts(size), "even shifts": EvenShifts()}

# %%
histories = {
    told: watch(prepare_problem(chequered, replace(problem, group=group)), interactive)
    for told, group in groups.items()
}

# %%
for told, found in histories.items():
    display(told, comparison(found, image=1))

# %%
chart(psnr_lines(histories), Axes("step", "PSNR [dB]"))

# %% [markdown]
# **What you should see.** The same network, the same loss, the same photographs. With all shifts the squares are filled in. With even shifts they stay: nothing tells the network what to put there.
#
# ## Questions to try
#
# 1. Replace `config.spec.group`: `settings={"gamma": 1e-4, "group": "flips"}`. What does the meter of notebook 2 say about it?
# 2. Make the mask see only 40 % (`"keep": 0.4`). Does EI still work? And 10 %?
# 3. Give EI more weight on equivariance: `settings | {"alpha_eq": 100.0}`. What does the balance do?
# 4. The loss of `eq` could be made 0 by $f(y) = 0$ for all $y$. Why does that not happen?
# 5. What does the U-Net itself know about images before it is trained? Train `mc` on the chequerboard to find out.
# 6. Give the chequerboard `network="decomposed"`, the network of the first part. It may put the *negative* of the photograph into the black squares. Why does EI not mind, if the mask is that regular?
