# %% [markdown]
# # 6 · Robust Equivariant Imaging: MRI
#
# **Goal.** Put SURE and symmetry together, train the result beside EI and supervised learning, and see how a run is made, watched and steered.
#
# **Robust Equivariant Imaging** (REI, [Chen, Tachella & Davies 2022](https://arxiv.org/abs/2111.12855)) changes both terms of EI. With $x_1 = f(y)$:
# $$\alpha_{\mathrm{sure}}\,\underbrace{\mathrm{SURE}(y)}_{\text{in place of the residual}} \;+\; \alpha_{\mathrm{req}}\,\underbrace{\tfrac1n\,\|T_g x_1 - f(\mathrm{noise}(A\,T_g x_1))\|^2}_{\text{the virtual measurement is noisy, like the real ones}}.$$
# The second change matters too: $f$ is to be used on noisy measurements, so it should be made equivariant on noisy ones.
#
# The scanner measures a quarter of the columns of the Fourier transform (k-space), each value with Gaussian noise of standard deviation σ in its real and its imaginary part. All means over $y$ run over the *measured* entries: what was not measured is neither right nor wrong.

# %% tags=["parameters"]
preset = "quick"
interactive = True
steps = 300
task = "mri"

# %%
# %matplotlib inline
from IPython.display import display

import reilab
from reilab.course import Curves, Table, gains_table, results_table, train
from reilab.events import SetWeight, Ticked
from reilab.show.figures import comparison

# %% [markdown]
# ## A run is a value
#
# A preset with some changes. Every setting has a unit and bounds (`reilab compare mri --help` lists them), and a misspelt one is an error.

# %%
training = {"steps": steps, "milestones": (3 * steps // 4,)}
config = reilab.configure(task, preset, ["ei", "rei", "supervised"], training=training)
config.spec

# %% [markdown]
# Training is a stream of events. Whoever wants to know what happens pulls them; between two of them the run is at rest, and whoever wants to change something steers it, and is answered. Here are the first events of this run, with a weight changed at the first report of losses. Between two reports every step says `Ticked`, which is left out here: a moment to steer or to stop, with nothing to tell.

# %%
run = reilab.stream(config)
log, answer = [], None
for event in run:
    if not isinstance(event, Ticked):
        log.append(event)
    if "req" in getattr(event, "losses", {}):
        (answer,) = run.steer(SetWeight("req", 2.0))
        break

# %%
told = [{"event": type(event).__name__, "method": getattr(event, "method", "")} for event in log]
Table([*told, {"event": str(answer), "method": answer.method}])

# %% [markdown]
# ## EI, REI and supervised, side by side
#
# The cell below pulls the same events to the end. The kernel's stop button ends the training early; the cells after it then show what has been learnt until then.

# %%
history = train(config, interactive)

# %%
display(comparison(history), results_table(history))

# %%
Curves(history)

# %% [markdown]
# **What you should see.** EI keeps the noise of $A^\dagger y$, because its first term asks for it, but the smears that the missing columns leave begin to go. REI is smooth as well, and closer to the truth. `supervised`, which was shown what nobody has, is still ahead; with the 800 steps of the preset the gap is about 1.5 dB.
#
# In the charts: SURE (solid) runs along the true risk (dashed) all the way; EI's residual falls far below its own risk, which hardly moves.

# %% [markdown]
# ## Denoised, or learnt?
#
# The error splits into the part that $A$ sees, in the measured entries of k-space, and the part in its null space. Noise is in the first alone. Both as PSNR, above that of $A^\dagger y$; in MRI the error is that of the complex image.

# %%
gains_table(history)

# %% [markdown]
# **What you should see.** In the range REI has gained some 7 dB: that is what SURE denoised. EI has gained next to nothing there. In the null space EI has gained some 3.5 dB and REI 4.5. No measurement says anything about that part: equivariance has taught it (in `supervised`, the complete images have).

# %% [markdown]
# ## Is it the network, or the group?
#
# Neither loss says what $f$ is. The network above, `decomposed`, has parts of its own for what $A$ sees and for what it does not ([Chen & Davies 2020](https://arxiv.org/abs/1911.11028)): a small convolutional network denoises what was measured, $r = A^\dagger A\,C_1(A^\dagger y)$, and some more fill in the rest and cannot change it, $x \leftarrow r + (I - A^\dagger A)\,C_k(x)$. The paper's U-Net gets $A^\dagger y$ once and has to find out the rest by itself. Here it is, with the same images, losses, noise and number of steps.

# %%
plain = reilab.configure(
    task, preset, ["ei", "rei"], network="unet", settings={"width": 16}, training=training
)
plain_history = train(plain, interactive)
gains_table(plain_history)

# %% [markdown]
# **What you should see.** In the range REI denoises here, too. In the null space the U-Net has gained a tenth of a dB (EI) and a third (REI), though losses, group and images are the same. The methods do not mind which network they train, but the time it takes does: the paper gives its U-Net 225,000 steps. It is the group that teaches (question 2 takes it away), and the network that decides how soon something is learnt.

# %% [markdown]
# ## After an hour
#
# Runs that were trained before come with reilab: `reilab runs list` names them, and the lab has a button for each. This one is the preset `hour`, the same task at 128² with 2500 steps. Nothing is trained here.

# %%
hour = reilab.history_of(reilab.find_run(f"{task}-hour").events())
display(comparison(hour), gains_table(hour))

# %% [markdown]
# **What you should see.** REI ends 0.3 dB behind supervised training (25.1 and 25.4 dB), and has seen no complete image; on the second test image it is even ahead. EI has kept its grain: in the range it has gained half a dB, REI almost 9. In the null space both have gained about 5 dB, supervised training 5.7. What is left of the gap above is a matter of time and of larger images.
#
# ## Questions to try
#
# 1. Lower the noise: `settings={"sigma": 0.01}`. When do EI and REI agree?
# 2. Change the group to shifts: `settings={"group": "shifts"}`. Notebook 2 says that they teach nothing in MRI. Does REI notice? (Compare with `sure`, which says nothing of what was not measured; then with `sure` and `network="unrolled"`, whose stages fill in some of it unasked.)
# 3. `settings={"transforms": 3}` turns every image three times per step. What does it cost, what does it bring?
# 4. In k-space the noise is white. In the image, after $A^\dagger$, is it?
# 5. The paper's setting is 320² pixels, 900 images, 500 passes. What would you expect to change with more images, and what with larger ones?
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# When $\sigma^2$ is small beside the rest of the error: SURE then differs from the residual by next to nothing, and a noisy virtual measurement from a clean one. With all 800 steps of the preset REI is ahead by 3.5 dB at σ = 0.2, by 1.8 at 0.1, by 1.4 at 0.05, and not at all at 0.01 (−0.1).
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# A shift multiplies each measured column by phases, and a missing one stays missing: the second term can be made small whatever the network puts there. So the null space of REI should stay where `sure` has it, for `decomposed` at 18.0 dB, that of $A^\dagger y$. REI does not *notice*: none of its losses says that nothing is learnt. The meter does, before training. `unrolled` shows that a number above $A^\dagger y$ may also come from the habits of a network.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# The term is the mean over the transforms, so it expects the same and is less a matter of chance; each transform costs another pass forward and back through $f$ in each step. Compare with the same time, not with the same steps.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# No. $A^\dagger$ puts zeros into the columns that are missing, so that the noise lacks those frequencies: neighbours across the columns are correlated (the covariance is $\sigma^2 A^\dagger A$), alike at all places. A denoiser that takes it for white believes in something false.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# More images: what is fitted by chance to a few of them goes, above all in `supervised`, which has nothing else to learn from, and in tests on other persons. Larger images: each has more entries, so a single SURE is worth more; but what is missing reaches further in pixels, and the network has to see as far.
#
# </details>
