# %% [markdown]
# # 7 · Two ills, two cures: REI on photographs
#
# **Goal.** Take the two repairs apart: which term of REI deals with the noise, which with the missing pixels, and why one needs both.
#
# Two questions, four methods:
#
# | | blind to what is missing | symmetry fills it in |
# |---|---|---|
# | **fits the noise** | `mc`: $\frac1m\|y - A x_1\|^2$ | `ei`: MC $+\;\alpha\,\|T_g x_1 - f(A\,T_g x_1)\|^2$ |
# | **allows for the noise** | `sure`: $\mathrm{SURE}(y)$ | `rei`: SURE $+\;\alpha\,\|T_g x_1 - f(\mathrm{noise}(A\,T_g x_1))\|^2$ |
#
# The noise is Poisson's, $y = \gamma\,\mathcal P(u/\gamma)$, as in a camera that counts photons:
# $$\mathrm{SURE}(y) = \tfrac1m\|y - h(y)\|^2 - \tfrac{\gamma}{m}\mathbf 1^\top y + \tfrac{2\gamma}{m\tau}\,(b\odot y)^\top\bigl(h(y + \tau b) - h(y)\bigr), \qquad b_i = \pm1.$$

# %% tags=["parameters"]
preset = "quick"
interactive = True
steps = 200

# %%
# %matplotlib inline
from IPython.display import display

import reilab
from reilab.course import Axes, Curves, Line, chart, results_table, train
from reilab.show.figures import comparison

# %% [markdown]
# ## All four at once
#
# They start from the same weights, see the same photographs in the same order with the same noise, and keep pace.

# %%
training = {"steps": steps, "milestones": (3 * steps // 4,), "learning_rate": 2e-3}
methods = ["mc", "sure", "ei", "rei"]
config = reilab.configure("inpainting", preset, methods, training=training)
history = train(config, interactive)

# %%
display(comparison(history, image=1), results_table(history))

# %%
Curves(history)


# %% [markdown]
# **What you should see.** The table of the beginning, in pictures. `mc` keeps holes and noise. `sure` takes noise away where it has measurements, and leaves the holes: SURE is a statement about $A\hat x$, and says nothing about the rest. `ei` fills the holes, with noise. `rei` does both, and is the clearest.
#
# In the charts, compare each loss with the dashed line, the true risk of the measured pixels: `mc` falls below it, `sure` runs along it.

# %%
def risk_of(method):
    stepped = history.tracks[method].stepped
    return Line([event.step for event in stepped], [event.risk for event in stepped], style="-")


chart({method: risk_of(method) for method in methods}, Axes("step", "true risk", y_scale="log"))

# %% [markdown]
# **What you should see.** All four on one scale, though each was trained on something else: the two that fit the noise end high, the two that estimate the risk end low.
#
# ## Questions to try
#
# 1. Leave the noise out of the second term: train `ei` with SURE in place of MC. (`reilab.methods.losses` has the terms; a method is a file of a few lines in `reilab/methods`.) Does robust equivariance matter?
# 2. `training | {"measurements": "fixed"}` gives every photograph one measurement for good, as a real camera would. Which method suffers most, and why can SURE suffer at all?
# 3. `settings={"gamma": 0.2}`: five photons for a white pixel. How far does REI go?
# 4. The weights: `settings={"alpha_req": 10.0}`. Which ill comes back?
# 5. Where would `supervised` lie? Guess, then add it to `methods`.
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# A method whose `terms` are `{"sure": Sure(), "eq": Equivariance(problem.group, self.transforms)}`. Its second term shows the network virtual measurements without noise, which it never meets in use, and takes its word on them; the better it denoises real ones, the less those two have to do with each other. The question is one for a table: the authors' ablation and yours, three seeds.
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# `mc` has fitted the noise all along, so it has least to lose. The others suffer from what statistics knows well: SURE is unbiased for an $h$ that does not depend on $y$. A network that has seen the same $y$ a hundred times does, and a minimum over few fixed draws looks better than it is. With fresh noise there is no such thing.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# At γ = 0.1, with all steps of the preset, REI has 21.5 dB, EI 15.7 and $A^\dagger y$ 9.8. From 0.05 on, twice the noise has cost REI 2.2 dB and EI 2.8. What five photons do not tell REI does not invent: it becomes smooth.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# Neither noise nor holes, at first: the network says what is easily found again, and that is a smooth picture. What suffers is the fit to the measurements. Watch the true risk rise while `req` falls.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# A little above REI: with all 500 steps 24.0 dB beside 23.7, three seeds each. In the range they are level, since both denoise (25.9 and 25.8); what is left is in the null space (28.6 and 28.1).
#
# </details>
