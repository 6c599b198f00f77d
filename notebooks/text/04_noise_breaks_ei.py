# %% [markdown]
# # 4 · Noise breaks Equivariant Imaging
#
# **Goal.** See EI fail as the measurements become noisy, and understand which of its two terms is to blame.
#
# Notebook 3 had no noise. Now $y = \mathrm{noise}(A x)$, and the first term of EI,
# $$\tfrac1m\,\|y - A\,f(y)\|^2,$$
# is smallest, namely 0, for a network that reproduces the measured pixels **with their noise**. Its expectation splits into what we want and what misleads: with $u = A x$,
# $$\mathbb E\,\tfrac1m\|y - A f(y)\|^2 = \underbrace{\mathbb E\,\tfrac1m\|A f(y) - u\|^2}_{\text{risk}} + \underbrace{\mathbb E\,\tfrac1m\|y - u\|^2}_{\text{noise, constant}} - \underbrace{\tfrac2m\,\mathbb E\,(y-u)^\top A f(y)}_{\text{how far } f \text{ leans on the noise}}.$$
# The last term is rewarded for growing.

# %% tags=["parameters"]
preset = "quick"
interactive = True
steps = 160
levels = [0.001, 0.02, 0.1]

# %%
# %matplotlib inline
from IPython.display import display

import reilab
from reilab.course import Axes, Curves, Line, Table, chart, train
from reilab.show.figures import comparison

# %% [markdown]
# ## Three levels of noise
#
# Poisson noise, $y = \gamma\,\mathcal P(u/\gamma)$: a pixel of value 1 has the variance γ. `supervised` gets the same measurements together with the clean photographs.

# %%
training = {"steps": steps, "milestones": (3 * steps // 4,), "learning_rate": 2e-3}


def at_level(gamma):
    methods, settings = ["ei", "supervised"], {"gamma": gamma}
    config = reilab.configure("inpainting", preset, methods, settings=settings, training=training)
    return train(config, interactive)


histories = {gamma: at_level(gamma) for gamma in levels}


# %%
def psnr_of(method):
    tracks = [histories[gamma].tracks[method] for gamma in levels]
    return Line(levels, [track.metrics.psnr for track in tracks])


lines = {method: psnr_of(method) for method in ("ei", "supervised")}
lines["A†y"] = Line(levels, [histories[g].posed.pinv_metrics.psnr for g in levels], style="--")
chart(lines, Axes("γ", "PSNR [dB]", "log"))

# %%
for gamma in levels:
    display(f"γ = {gamma}", comparison(histories[gamma], image=1))


# %% [markdown]
# **What you should see.** At the lowest level EI is close to `supervised`. As the noise grows both lose, but EI loses far more: look at its picture at γ = 0.1. The holes are filled, but the grain is still there; it is the noise of the measured pixels, faithfully kept, and copied into the holes.
#
# ## Which term is to blame?
#
# `risk` is the mean of $(A\hat x - A x)^2$ over the measured pixels: how far the reconstruction is from the *noise-free* measurement, at the end of training. `residual` is what MC minimises. `noise` is the variance of $y$.

# %%
def diagnosis(gamma):
    track, history = histories[gamma].tracks["ei"], histories[gamma]
    last, brightness = track.stepped[-1], float(history.posed.truth.mean())
    row = {"γ": gamma, "residual": last.losses["mc"], "risk": last.risk}
    supervised = history.tracks["supervised"].stepped[-1].risk
    return row | {"risk, supervised": supervised, "noise": gamma * brightness}


Table([diagnosis(gamma) for gamma in levels])

# %%
Curves(histories[levels[-1]])

# %% [markdown]
# **What you should see.** At the highest noise the residual of EI is far below the noise: the network leans on it. Its risk stays close to the whole variance of the noise, as if it had not denoised at all, where `supervised` takes most of the noise away. In the chart of `mc` the solid line falls through the dashed one.
#
# What is needed is a loss that sees $y$ only and yet has the risk as its expectation. That is notebook 5.
#
# ## Questions to try
#
# 1. Lower the weight of the first term: `settings={"alpha_mc": 0.1}`. Does EI denoise better? What does it lose?
# 2. Could one stop the training early? At which step was EI best, and how would one know that without ground truth?
# 3. Which methods that you know have the same weakness because they fit $\|y - A x\|^2$? What do they do against it?
# 4. Add noise to the equivariance term alone, `f(noise(A T_g x₁))`. Would that be enough? (It is half of REI.)
# 5. Why does EI do better than $A^\dagger y$ even at the highest noise?
