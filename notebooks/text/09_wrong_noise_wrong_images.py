# %% [markdown]
# # 9 · Wrong noise, wrong images
#
# **Goal.** Learn where learning from measurements is fragile, and where training on pairs from elsewhere is: two ways of believing something false.
#
# Somebody has a noisy camera with dead pixels, and no clean photograph. There are two ways out:
#
# - train REI on the camera's own pictures: needs the noise level, and a wrong one does harm;
# - take clean images *of something else*, simulate the camera, and train a supervised network on the pairs: needs the something else to be like what the camera will see.

# %% tags=["parameters"]
preset = "quick"
interactive = True
steps = 170
n_draws = 100

# %%
# %matplotlib inline
from dataclasses import replace

import torch

import reilab
from reilab.course import (
    Axes,
    CosineShrinkage,
    Line,
    Table,
    chart,
    coloured_ellipses,
    psnr_lines,
    row,
    train,
    watch,
)
from reilab.datasets import InMemory, load_bundled
from reilab.noise import mean
from reilab.runs.stream import prepare_problem

# %% [markdown]
# ## A wrong σ, seen by SURE
#
# Noise with σ = 0.1, the denoiser of notebook 5, and a SURE that is told another σ. The assumed $\hat\sigma$ enters twice: as the constant $-\hat\sigma^2$, which moves the curve up or down, and as the weight of the divergence, which moves its **minimum**:
# $$\mathbb E\,\mathrm{SURE}_{\hat\sigma} = R(h) + (\hat\sigma^2 - \sigma^2)\Bigl(\tfrac2m\,\mathbb E\,\mathrm{div}\,h - 1\Bigr).$$

# %%
u = load_bundled("urban", "test", 64)[6:7]
y = reilab.Gaussian(0.1).sample(u.expand(n_draws, -1, -1, -1), [reilab.Key(0).generator()])
thresholds = [0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4]


def believed(sigma):
    model, rng = reilab.Gaussian(sigma, tau=1e-3), [reilab.Key(1).generator()]
    shrink = [CosineShrinkage(t) for t in thresholds]
    return Line(thresholds, [model.sure(y, h, h(y), rng).mean().item() for h in shrink])


# %%
risk = [mean((CosineShrinkage(t)(y) - u) ** 2).mean().item() for t in thresholds]
lines = {f"SURE, assumed σ = {sigma}": believed(sigma) for sigma in (0.05, 0.1, 0.2)}
lines["true risk"] = Line(thresholds, risk, style="--")
chart(lines, Axes("threshold", "mean squared difference"))

# %% [markdown]
# **What you should see.** With the right σ, SURE lies on the risk. Too small a σ puts the minimum to the left: the noise is kept. Too large a σ puts it to the right: the picture is wiped out. No curve *looks* wrong; only a negative value of an estimated square gives it away.
#
# ## A wrong level in training
#
# REI on the camera's own pictures (Poisson noise, γ = 0.05), with three beliefs about γ. The measurements are the same each time.

# %%
training = {"steps": steps, "milestones": (3 * steps // 4,), "learning_rate": 2e-3}


def rei(gamma):
    config = reilab.configure("inpainting", preset, ["rei"], training=training, assumed_noise=gamma)
    return train(config, interactive)


beliefs = {"γ/5": 0.01, "γ": 0.05, "4γ": 0.2}
own = {f"REI, believes in {told}": rei(gamma) for told, gamma in beliefs.items()}

# %%
chart(psnr_lines(own), Axes("step", "PSNR [dB]"))


# %%
def last_images(histories, image=1):
    posed = next(iter(histories.values())).posed
    found = {told: last_of(h).images[image] for told, h in histories.items()}
    pictures = {"truth": posed.truth[image], "A†y": posed.pinv[image]} | found
    return row({told: torch.tensor(p).permute(2, 0, 1) for told, p in pictures.items()})


def last_of(history):
    (track,) = history.tracks.values()
    return track.evaluated[-1]


last_images(own)

# %% [markdown]
# **What you should see.** Too small a γ leaves the grain in: SURE takes it for picture. Too large a γ is worse: the divergence weighs four times too much, so it pays to answer the noise with its *opposite*, and the grain is back, upside down. Neither loss curve gives it away.
#
# In practice σ or γ can be measured (from the background, from two exposures, from the scanner's own calibration), and there are estimates of the risk that do not need it ([UNSURE, Tachella et al. 2025](https://arxiv.org/abs/2409.01985)).
#
# ## Why not train on synthetic pairs?
#
# Now clean images from elsewhere, and simulated measurements of them, with the right noise and the right mask: everything is right but the images. Two kinds of "elsewhere":
#
# - **drawn**: coloured ellipses, as one makes when one has nothing else;
# - **grey**: real images, of knees, without colour.
#
# A third network gets the clean photographs that nobody has. All are tested on the camera's pictures.

# %%
config = reilab.configure("inpainting", preset, ["supervised"], training=training)
problem = reilab.build(config)
size = config.spec.size
elsewhere = {
    "drawn": coloured_ellipses(96, size, reilab.Key(0)),
    "grey": load_bundled("knee", "train", size).repeat(1, 3, 1, 1),
    "photographs": load_bundled("urban", "train", size),
}
row({told: images[7] for told, images in elsewhere.items()})


# %%
def supervised(images):
    crossed = replace(problem, train=InMemory(images))
    return watch(prepare_problem(config, crossed), interactive)


pairs = {f"supervised, {told}": supervised(images) for told, images in elsewhere.items()}

# %%
right = {"REI, own pictures": own["REI, believes in γ"]}
last_images(pairs | right)


# %%
def verdict(told, history):
    metrics = last_of(history).metrics
    return {"": told, "PSNR [dB]": f"{metrics.psnr:.2f}", "SSIM": f"{metrics.ssim:.3f}"}


Table([verdict(told, history) for told, history in (pairs | right).items()])

# %% [markdown]
# **What you should see.** REI is level with the network that was trained on the right images, which nobody has (22.6 and 22.4 dB after these few steps). The two others bring along what they know: one has only ever seen grey and takes the colour away with the noise, the other expects smooth patches with sharp rims. REI knew nothing, but it learnt from the right camera and the right world.
#
# The measurements themselves are always from the right distribution. That is the case for learning from them.
#
# How much the wrong images cost depends on the problem. In MRI, in the preset `quick`, a network that was trained on a knee is 1.8 dB behind one that was trained on heads when both are tested on heads (21.8 and 23.7 dB), and REI on the heads (22.1 dB) lies between them. Nothing but a test on the right images tells which case one has.
#
# ## Questions to try
#
# 1. Train longer (`steps = 600`). Does the gap between `grey` and REI close or widen? Why should it?
# 2. Mend `grey` with a trick: give each channel of the training images a brightness of its own. What did the network lack, and what does it still lack?
# 3. A supervised network trained with the right images but the wrong noise: which half of this notebook does it belong to?
# 4. Under what belief about γ does REI become (nearly) EI? Look at the terms.
# 5. The table judges by PSNR, for which one needs the truth. How would you notice a domain shift in the clinic, where there is none?
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# Expect it to widen. More steps make the grey network better at what it was shown, which has no colour; REI learns from pictures that have. Only time on the right images helps.
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# It learns that there is colour, and how much. It lacks that colours meet at edges: with one brightness for each channel all edges are where the grey ones are, and grass never borders on brick. Better than grey, and still made up.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# The first: it believes in a noise that is not there. It has the right images and leaves the grain, or wipes out detail, as a wrong γ does in SURE.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# γ → 0. SURE is $\frac1m\|y - h\|^2$ and two terms with γ in front; without them it is MC. And the virtual measurement gets no noise. Both terms are those of EI.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# By the measurements: $y - A f(y)$ should have the variance of the noise and no pattern; SURE on the new measurements should be what it was on the old ones. Both speak of what $A$ sees only. A shift in the null space shows in no measurement: for that one needs a few scans with all data, or another eye.
#
# </details>
