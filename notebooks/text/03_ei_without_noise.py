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
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# There are three flips beside the identity. A pixel is out of reach only if it and its three mirror images are all missing: $0.3^4$, less than one in a hundred. So the meter says 0.99, and only a few single holes stay beyond what can be learnt.
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# The meter says yes to both: random shifts bring every pixel under some mask sooner or later. But it counts what is seen by all operators together. With 10 % a single measurement has to tell the image from its like (question 1 of notebook 2), and there is less and less for the network to go by: expect it to come out smooth, and `supervised` with it, because that is no fault of EI.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# The second term asks that what the network says be found again, and what is smooth is found most easily. With 100 times the weight the network gives up on the measured pixels for it. Look at the range in the table of gains: A†y has it nearly perfect, and whatever is lost there was lost by the weight.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# The first term would be $\frac1m\|y\|^2$, as large as it can reasonably be. To make both small $f$ has to reproduce the measured pixels, and what reproduces them is not constant. Neither term is enough; they hold each other.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# Only its form: convolutions treat all places alike, so that neighbours come out alike. In `mc` nothing asks for it, and the pixels beyond the measurements stay about where the network had them at the start, for `decomposed` at A†y (11.4 dB in the null space, from the first step to the last). Whether a network fills in something unasked depends on its architecture: it is a habit of the network, not knowledge of images.
#
# </details>
#
# <details markdown="1"><summary>Solution 6</summary>
#
# Let $f$ keep the white squares and put the negative of the right picture into the black ones. An odd shift brings the negative to where $A$ sees, and $f$, which fills in the negative of what it is shown, puts the negative of the negative beside it: the right picture, where it had been. So $T_g x_1$ is found again exactly, and EQ is 0. A random mask has holes beside holes as well as beside measured pixels, and the two signs get into each other's way.
#
# </details>
