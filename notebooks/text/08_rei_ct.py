# %% [markdown]
# # 8 · REI for CT: a nonlinear operator, and its logarithm
#
# **Goal.** See why the noise of low-dose CT has to be treated where it arises, in the counts, and not after the logarithm; and that SURE does not mind a nonlinear operator.
#
# An X-ray tube sends photons along each ray; the object swallows a share of them that depends exponentially on the line integral $R x$:
# $$A(x) = I_0\,e^{-\mu R x}, \qquad y = \gamma\,\mathcal P\bigl(A(x)/\gamma\bigr) + \mathcal N(0, \sigma^2).$$
# $I_0$ is the reading without an object, γ how many counts one photon makes ($I_0/\gamma$ photons set out on each ray), σ the noise of the electronics. The usual way back takes the logarithm first and then applies filtered back-projection:
# $$A^\dagger y = \mathrm{FBP}\bigl(\tfrac1\mu \log(I_0/y)\bigr).$$

# %% tags=["parameters"]
preset = "quick"
interactive = True
steps = 240
n_draws = 200

# %%
# %matplotlib inline
import torch
from IPython.display import display

import reilab
from reilab.course import Axes, Curves, Line, Table, chart, repeat, results_table, row, train
from reilab.show.figures import comparison
from reilab.training.state import reconstruction, seeded

# %%
training = {"steps": steps, "milestones": (3 * steps // 4,)}
config = reilab.configure("ct", preset, ["ei", "rei", "supervised"], training=training)
problem = reilab.build(config)
config.spec

# %% [markdown]
# ## What the logarithm does to the noise
#
# Take rays with line integrals $p = \mu R x$ from 0 (air) to 8 (thick metal), repeat the noise many times, and look at $\log(I_0/y)$. Counts of zero and below have no logarithm; they are raised to one count first.

# %%
p = torch.linspace(0, 8, 33)
blank, floor = problem.physics.blank, problem.physics.floor
u = (blank * torch.exp(-p)).expand(50 * n_draws, -1)
y = problem.noise.sample(u, [reilab.Key(0).generator()])
logs = torch.log(blank / y.clamp(min=floor))

# %%
ray = Line(p.tolist(), logs.mean(0).tolist(), logs.std(0).tolist())
truth = Line(p.tolist(), p.tolist(), style="--")
lines = {"log(I₀/y), mean and standard deviation": ray, "the truth": truth}
chart(lines, Axes("true line integral", "after the logarithm"))

# %% [markdown]
# **What you should see.** Where many counts are left the logarithm is harmless: mean on the line, small bars. With every unit of $p$ the counts fall to a third and the bars grow. Behind thick objects the mean leaves the line: $\mathbb E \log$ is not $\log \mathbb E$, and where nothing is left the floor decides. After the logarithm the noise has another variance on each ray, a bias, and no simple law. So SURE should be taken *before* it, on the counts, where the noise is what the physics says.
#
# Here is a ray's share of the picture: the sinogram of a test image, and its largest line integral.

# %%
x = problem.test.batch(torch.tensor([3])).x
u = problem.physics(x)
y = problem.noise.sample(u, [reilab.Key(1).generator()])
told = f"line integrals up to {float(torch.log(blank / u).max()):.2f}"
row(
    {
        "x": x,
        told: problem.picture.draw(u),
        "with noise": problem.picture.draw(y),
        "A†y": problem.physics.pinv(y),
    }
)

# %% [markdown]
# ## SURE does not mind that $A$ is curved
#
# Stein's lemma speaks about the noise in $y$ and about *any* smooth $h$. That $h = A\circ f$ has an exponential and a logarithm in it changes nothing:
# $$\mathrm{SURE}(y) = \tfrac1m\|y - h(y)\|^2 - \tfrac1m\mathbf 1^\top(\gamma y + \sigma^2) + \tfrac{2}{m\tau}\,\bigl(b \odot (\gamma y + \sigma^2)\bigr)^\top\bigl(h(y+\tau b) - h(y)\bigr), \qquad b_i = \pm1.$$
# Test it, as in notebook 5, for $A^\dagger$ alone and for a network that has not learnt anything yet.

# %%
network = seeded(problem.new_network, reilab.Key(0)).eval()
f = {"A†": problem.physics.pinv, "untrained network": reconstruction(network, problem.physics)}


def judge(told):
    trial = repeat(problem.noise, u, lambda y: problem.physics(f[told](y)), n_draws)
    gap, error = trial.gap
    row = {"f": told, "residual": trial.residual.mean().item(), "risk": trial.risk.mean().item()}
    return row | {"SURE": trial.sure.mean().item(), "z of SURE − risk": 2 * gap / error}


Table([judge(told) for told in f])

# %% [markdown]
# The numbers are large because they are counts squared; equivariance, on images in [0, 1], is small. That is why the weights of the two terms are so far apart in CT:

# %%
Table([{n: v for n, v in config.method_values.items() if n.startswith("alpha_")}])

# %% [markdown]
# ## EI, REI and supervised
#
# The networks learn from the scan of a chest and are tested on the trunk of another person. There are 16 views only, so that much of the picture leaves no trace in $y$. Filtered back-projection is no inverse then: it does not even say what was measured. The network is told by steps that solve for it, `proximal` in `reilab/nets`.

# %%
history = train(config, interactive)

# %%
display(comparison(history, image=1), results_table(history))

# %%
Curves(history)

# %% [markdown]
# **What you should see.** $A^\dagger y$ is covered with streaks, because of the few views, and with grain, because every noisy ray is smeared across the picture and the ramp filter makes it rougher. EI takes the streaks away and keeps much of the grain. REI takes both, in sight of `supervised`, which has seen one chest and gains little from seeing more of it: from some step on it gets worse on other persons, and is stopped where it did best on the validation images. In the table, look at the PSNR in the null space, which no measurement speaks of.
#
# In the charts, SURE runs along the true risk, through an exponential and a logarithm.
#
# ## Questions to try
#
# 1. At which line integral does the mean leave the line if σ = 300? If γ = 15?
# 2. `settings={"gamma": 1.0}` is the dose of the paper. REI is then less far ahead of EI. Why?
# 3. Could one use the Gaussian SURE after the logarithm, with a variance for each ray? Which of the two troubles above would it solve?
# 4. The Gaussian and the Poisson part: which one matters at $p = 0$, and which at $p = 8$?
# 5. What would a rotation by 11.25° teach with 16 views over 180°? (Notebook 2.)
# 6. Add `sure` to the methods. A network of several stages fills in some of the null space without being asked to: what does a better guess there do for the part that SURE does judge?
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# With σ = 30 and γ = 20 it is off by a tenth at 6.5. With σ = 300 at 4.75, and further out it is wrong by more than a whole unit. γ = 15 changes hardly anything (6.75): where little light is left, the electronics decide.
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# The variance of the photons is a twentieth, so the terms by which SURE differs from the residual are, too. What EI fits of the noise does less harm; in the table of the preset REI is ahead of it by 2.7 dB at γ = 20 and by 1.2 at γ = 1.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# The other variance on each ray: yes, it may be put in as a weight, if it were known (it depends on what is sought). Not the bias, nor that the law is no Gaussian where counts are few: the mean is off the line, and SURE would take the bias for picture.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# Variances: $\gamma I_0 e^{-p} = 2\cdot10^6$ at $p = 0$, beside $\sigma^2 = 900$: photons. At $p = 8$ it is 671: both, with the electronics ahead. They are level at $p = \log(\gamma I_0/\sigma^2) = 7.7$.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# Nothing, but for what interpolation does: 16 views over 180° are 11.25° apart, so the turned views are the old ones.
#
# </details>
#
# <details markdown="1"><summary>Solution 6</summary>
#
# After 400 steps, in the range 31.9 dB for `sure` and 32.3 for `rei`, in the null space 29.4 and 30.3 ($A^\dagger y$: 28.1). The stages work on one picture: if the part that nobody measured is more like an image, the next stage has less to mistake for noise.
#
# </details>
