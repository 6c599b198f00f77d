# %% [markdown]
# # 5 · SURE: the error, measured without the truth
#
# **Goal.** See with your own eyes that the mean squared error of an estimator can be measured from noisy data alone, for three kinds of noise; learn what the estimate costs (probes, a small step τ, variance) and where it comes from.
#
# Let $u = A(x)$ be the noise-free measurement, $y$ its noisy version with $m$ entries, and $h$ any way of guessing $u$ from $y$ (for a network, $h = A \circ f$). We want its **risk**
# $$R(h) = \tfrac1m\,\mathbb E\,\|h(y) - u\|^2,$$
# but have only the **residual** $\frac1m\|h(y) - y\|^2$. For $y = u + \mathcal N(0, \sigma^2 I)$, expanding $\|h(y) - y + (y - u)\|^2$ leaves one unknown term, $\mathbb E\,(y-u)^\top h(y)$, and Stein's lemma (integration by parts against the Gaussian density) turns it into a derivative:
# $$\mathbb E\,(y-u)^\top h(y) = \sigma^2\,\mathbb E\,\mathrm{div}\,h(y).$$
# So **Stein's unbiased risk estimate** needs no truth:
# $$\mathrm{SURE}(y) = \tfrac1m\|y - h(y)\|^2 - \sigma^2 + \tfrac{2\sigma^2}{m}\,\mathrm{div}\,h(y), \qquad \mathbb E\,\mathrm{SURE} = R(h).$$
# The residual punishes staying away from the noisy data; the divergence punishes leaning on it.

# %% tags=["parameters"]
preset = "quick"
interactive = True
n_draws = 200
steps = 120

# %%
# %matplotlib inline
import torch
from IPython.display import display

import reilab
from reilab.course import (
    Axes,
    CosineShrinkage,
    Curves,
    Line,
    Table,
    chart,
    exact_slope,
    finite_slope,
    gaussian_probe,
    mean_and_error,
    repeat,
    row,
    train,
)
from reilab.datasets import load_bundled
from reilab.nets import UNet
from reilab.training.state import seeded

# %% [markdown]
# ## A denoiser with one knob
#
# All pixels of a photograph are seen, with Gaussian noise. The denoiser cuts the picture into blocks of 8×8 pixels, takes their cosine transform, and moves every coefficient towards zero by a threshold. A small threshold leaves the noise in, a large one wipes out the picture.

# %%
u = load_bundled("urban", "test", 64)[6:7]
gaussian = reilab.Gaussian(sigma=0.1, tau=1e-3)
y = gaussian.sample(u, [reilab.Key(1).generator()])


def compare(threshold):
    found = CosineShrinkage(threshold)(y)
    return row({"u": u, "y": y, f"h(y), threshold {threshold:.2f}": found})


# %%
if interactive:
    from ipywidgets import interact

    interact(compare, threshold=(0.0, 0.5, 0.02))
else:
    display(compare(0.1))

# %% [markdown]
# ## Which threshold is best?
#
# Repeat the noise many times. Each time compute the risk (which takes the truth), SURE and the residual (which do not). Points are means, bars twice their standard error.

# %%
thresholds = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]
trials = [repeat(gaussian, u, CosineShrinkage(t), n_draws) for t in thresholds]


def line(name, style):
    points = [mean_and_error(getattr(trial, name).tolist()) for trial in trials]
    means, errors = zip(*points, strict=True)
    return Line(thresholds, means, errors, style)


# %%
lines = {
    "residual": line("residual", "s-"),
    "risk": line("risk", "o-"),
    "SURE": line("sure", "x--"),
}
chart(lines, Axes("threshold", "mean squared difference"))

# %% [markdown]
# **What you should see.** The residual is 0 where the denoiser does nothing, and only grows: whoever minimises it keeps the noise. The risk starts at $\sigma^2 = 0.01$, falls to a minimum and rises again. SURE lies on the risk at every threshold, so its minimum is at the same place: the best threshold can be chosen without the truth.
#
# ## Unbiased, for three kinds of noise
#
# - **Poisson**, $y = \gamma\,\mathcal P(u/\gamma)$: the noise is stronger where the picture is bright.
# $$\tfrac1m\|y - h(y)\|^2 - \tfrac{\gamma}{m}\mathbf 1^\top y + \tfrac{2\gamma}{m}\,\mathrm{tr}\bigl(\mathrm{diag}(y)\,J_h(y)\bigr)$$
# - **Mixed**, $y = \gamma\,\mathcal P(u/\gamma) + \mathcal N(0, \sigma^2)$: $\gamma y + \sigma^2$ in place of $\gamma y$ ([Le Montagner et al. 2014](https://doi.org/10.1109/TIP.2014.2307657)).
#
# Unbiased means: the mean of SURE − risk is 0 within its uncertainty (95 % confidence). The last column is that mean in units of its standard error; beyond ±3 one would not believe in chance.

# %%
models = {
    "Gaussian, σ = 0.1": gaussian,
    "Poisson, γ = 0.02": reilab.Poisson(gain=0.02, tau=1e-3),
    "mixed, γ = 0.01, σ = 0.05": reilab.PoissonGaussian(sigma=0.05, gain=0.01, tau=1e-3),
}


def judge(told, noise, h):
    trial = repeat(noise, u, h, n_draws)
    gap, error = trial.gap
    means = {"risk": trial.risk.mean().item(), "SURE": trial.sure.mean().item()}
    return {"noise": told, **means, "SURE − risk": f"{gap:.1e} ± {error:.1e}", "z": 2 * gap / error}


# %%
Table([judge(told, noise, CosineShrinkage(0.1)) for told, noise in models.items()])


# %% [markdown]
# Is the test sharp? Give SURE a wrong model: Gaussian noise of the same mean variance in place of Poisson, and a σ that is a little off.

# %%
def misjudge(told, true, believed, h):
    y = true.sample(u.expand(n_draws, -1, -1, -1), [reilab.Key(2).generator()])
    sure = believed.sure(y, h, h(y), [reilab.Key(3).generator()])
    risk = (h(y) - u).square().flatten(1).mean(1)
    gap, error = mean_and_error((sure - risk).tolist())
    return {"true noise, believed noise": told, "SURE − risk": gap, "z": 2 * gap / error}


# %%
h, level = CosineShrinkage(0.1), float(u.mean())
poisson, alike = models["Poisson, γ = 0.02"], reilab.Gaussian((0.02 * level) ** 0.5, tau=1e-3)
Table(
    [
        misjudge("Poisson, Poisson", poisson, poisson, h),
        misjudge("Poisson, Gaussian", poisson, alike, h),
        misjudge("Gaussian, Gaussian", gaussian, gaussian, h),
        misjudge("Gaussian, σ 10 % too large", gaussian, reilab.Gaussian(0.11, tau=1e-3), h),
    ]
)

# %% [markdown]
# ## Probes, and what a single estimate is worth
#
# A network has no formula for its divergence, and computing it entry by entry would take $m$ passes. A random probe $b \sim \mathcal N(0, I)$ does it in one ([Ramani et al. 2008](https://doi.org/10.1109/TIP.2008.2001404)), because $\mathbb E\,b^\top J b = \mathrm{tr}\,J$:
# $$\mathrm{div}\,h(y) \approx \tfrac1\tau\, b^\top\bigl(h(y + \tau b) - h(y)\bigr).$$
# In training there is *one* measurement and usually *one* probe. How far is a single estimate from the risk?

# %%
n_probes = [1, 2, 4, 8, 16]
spread = [repeat(gaussian, u, h, n_draws, n).sure.std().item() for n in n_probes]
risk = repeat(gaussian, u, h, n_draws).risk.mean().item()
lines = {
    "one SURE": Line(n_probes, spread),
    "the risk itself": Line(n_probes, [risk] * 5, style="--"),
}
chart(lines, Axes("probes per estimate", "standard deviation", "log", "log"))

# %% [markdown]
# **What you should see.** The spread of a single estimate is a few per cent of the risk already with one probe, because an image has thousands of entries and all of them average. More probes help little: what is left is the chance in $y$ itself, and no probe can average that away. Training averages over images and steps, so one probe is enough.
#
# ## The step τ
#
# The same lemma of Stein, applied to the probe, says exactly what a finite step does:
# $$\mathbb E_b\,\tfrac1\tau\,b^\top\bigl(h(y + \tau b) - h(y)\bigr) = \mathbb E_b\,\mathrm{div}\,h(y + \tau b).$$
# It takes the divergence of a version of $h$ that is smoothed by a Gaussian of width τ, as if the noise had the variance $\sigma^2 + \tau^2$. A linear $h$ does not care. Our denoiser bends at its threshold, so τ should be small beside σ = 0.1.

# %%
taus = [1e-4, 1e-3, 1e-2, 3e-2, 1e-1]
Table([judge(f"τ = {tau:g}", reilab.Gaussian(0.1, tau), h) for tau in taus])

# %% [markdown]
# Too small a step is no good either: the difference of two nearly equal numbers is rounding error. Compare finite differences with the exact slope along the same probe, for the denoiser and for a U-Net as it is at the start of training. The dashed line is how far apart two probes are anyway.

# %%
network = seeded(lambda: UNet(3, 16), reilab.Key(0)).eval()
slopes = [exact_slope(h, y, gaussian_probe(y, reilab.Key(5) / n)) for n in range(10)]
chance = (torch.cat(slopes).std() / torch.cat(slopes).mean()).item()
b = gaussian_probe(y, reilab.Key(4))


# %%
def step_errors(h, taus):
    exact = exact_slope(h, y, b)
    return [float((finite_slope(h, y, b, tau) / exact - 1).abs()) for tau in taus]


steps_of_ten = [10.0**k for k in range(-7, 2)]
found = {"denoiser": step_errors(h, steps_of_ten), "U-Net": step_errors(network, steps_of_ten)}
lines = {told: Line(steps_of_ten, errors) for told, errors in found.items()}
lines["from probe to probe"] = Line(steps_of_ten, [chance] * 9, style="--")
chart(lines, Axes("τ", "relative error of the divergence", "log", "log"))

# %% [markdown]
# **What you should see.** In the table, a bias that grows like $\tau^2$: invisible at 0.001, about one per cent of the risk at 0.01 (at the edge of what these draws can show), overwhelming at 0.1. In the chart, a valley: rounding on the left, bending on the right. The U-Net, still nearly the identity, bends far less. The right step goes with the size of the noise in $y$, so in training τ is a share of its standard deviation: 0.1 in MRI, 0.05 in inpainting, 0.03 in CT. (The paper has 0.01, and 10 counts in CT: the preset `paper` has these.)
#
# ## In training
#
# Two networks learn MRI from noisy measurements: one minimises the residual (`mc`), the other SURE. Solid: the loss, which sees measurements only. Dashed: the true risk, which nobody has in practice.

# %%
training = {"steps": steps, "milestones": (3 * steps // 4,)}
config = reilab.configure("mri", preset, ["mc", "sure"], training=training)
history = train(config, interactive)
Curves(history)

# %% [markdown]
# **What you should see.** The solid line of `sure` runs along its dashed one: the network sees its own risk. The solid line of `mc` falls far below: it repeats the noise and takes that for success, while its true risk levels off at the variance of the noise, $\sigma^2 = 0.01$. (`mc` and `sure` still know nothing of the null space: that is what symmetry is for.)
#
# ## Questions to try
#
# 1. Which terms of SURE does $h(y) = y$ leave? Which does $h(y) = 0$? Check both against the risk by hand.
# 2. In the sweep, take the argmin of SURE for a *single* draw (`n_draws = 2`). How often is it the right threshold?
# 3. Poisson's SURE here is a first-order expansion in γ. Raise γ to 0.1 (a handful of photons per pixel) and `n_draws` to 1500. What does `z` say?
# 4. `reilab.PoissonGaussian(..., curvature_tau=...)` adds the next order. When does it help, and what does it cost?
# 5. Why does SURE, unlike a validation set, let one choose the threshold *for each image*?
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# $h(y) = y$: the residual is 0 and the divergence $m$, which leaves $-\sigma^2 + 2\sigma^2 = \sigma^2$; the risk is the variance of the noise, $\sigma^2$. $h(y) = 0$: no divergence, which leaves $\frac1m\|y\|^2 - \sigma^2$, in the mean $\frac1m\|u\|^2$; that is the risk of a black picture. Here these are 0.0100 and 0.166, by SURE as well as by the truth.
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# With 200 draws: 193 times. The other seven times it says 0.15, the next one. One image of 64×64 pixels in three colours is 12,288 numbers, and their average is a good one.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# About 4.7: the gap is no chance any more. It is $8\cdot10^{-5}$, half a per cent of the risk; what is left out is of the order $\gamma^2$ and asks how $h$ bends.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# When there are few photons and $h$ bends. Here the gap goes from $8\cdot10^{-5}$ to what chance explains ($z = -0.5$ with `curvature_tau=0.03`). It costs two more evaluations of $h$, and spread: the standard deviation of one estimate goes from 0.0006 to 0.0010, with a step of 0.01 to 0.0015. For one image the spread is the greater evil; for the mean of many, the bias.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# It is computed from the measurement of that image. A validation set says what is best on average over other images; what is best for this one it cannot say.
#
# </details>
