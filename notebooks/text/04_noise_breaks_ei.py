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
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# It leans less on the noise, because less is asked of it; but the equivariance that is left prefers what is smooth, and contrast and detail go with the grain. Which weight is best depends on the noise and on the images, and only the truth says. SURE has no such weight to be turned.
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# `max(histories[0.1].tracks["ei"].evaluated, key=lambda e: e.metrics.psnr).step` tells when it was best. A network learns what images have in common before it learns the noise of each, so that there may be such a step. Without ground truth it can be found by an estimate of the risk, as SURE is, or from a second noisy measurement of the same images: neither needs more than measurements.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# Least squares and the iterations that solve them (Kaczmarz, conjugate gradients), networks that are fitted to one image (deep image prior). They are stopped early, by Morozov's principle when the residual has come down to the noise; or they get a penalty (Tikhonov, total variation) with a weight that stands for the noise.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# No. The second term would ask $f$ to denoise what is virtual, the first to keep the noise of what is real, and one network sees both alike. They fight, and the balance is set by the weights. Each term needs its own repair.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# Because most of the error of $A^\dagger y$ is in the holes, which it leaves black. At γ = 0.1 and with all 500 steps of the preset EI has 15.7 dB and $A^\dagger y$ 9.8 dB: in the null space 27.2 and 11.4, in the range 16.0 and 15.1. It has filled in and not denoised.
#
# </details>
