# %% [markdown]
# # The live lab
#
# **Goal.** Train EI, REI and a supervised network side by side on the same noisy, incomplete measurements, and change what they believe while they learn.
#
# Each method sees $y = \mathrm{noise}(A(x))$ and returns $\hat x = f(y)$. Supervised training alone is shown $x$; it is what the others are measured by.

# %% tags=["parameters"]
interactive: bool = True
task: str = "mri"
preset: str = "quick"
runs: str = "../runs"
steps: int = 400  # of a run without anybody who watches

# %% [markdown]
# The next cell returns at once. **Press Train**: a process of its own does the work and keeps every run in the folder `runs`, so you can go on with other cells, close the notebook, or restart the kernel; the lab finds a run that is still going.

# %%
if interactive:
    from reilab.lab.notebook import lab

    panel = lab(runs, task, preset)
    display(panel)

# %% [markdown]
# **What you should see.** Within seconds the images of all methods leave $A^\dagger y$. EI's stays grainy, because its first term asks for $A\hat x = y$, noise included; REI's gets smooth and follows supervised training.
#
# What is under *Changeable while training* acts at the next step: a weight, the learning rate, or, with *Assume the true noise* unticked, the noise level that SURE believes in. A dotted line in the curves marks every change. *Stop* keeps what was reached; *Resume* goes on from there, and *Fork* from any kept moment with other numbers.
#
# This cell works while the run goes on, and shows what it has come to so far:

# %%
# %matplotlib inline
import reilab
from reilab.show.figures import comparison

if interactive:
    history = panel.lab.history
else:
    history = reilab.run(reilab.configure(task, preset, training={"steps": steps}))

{name: track.metrics for name, track in history.tracks.items()}

# %% [markdown]
# With `interactive = False` nobody watches: the cell above has trained `steps` steps here, from start to end, and this figure is all there is to see. After a live run it is a figure for a report.

# %%
comparison(history) if history.moments else "Press Train first."

# %% [markdown]
# ## Questions to try
#
# 1. Raise the true noise to 0.2 and train again. Which method loses most, and which of its loss terms tells you so?
# 2. Let the losses believe in four times the true noise. When does the curve of SURE leave the true risk? Bring the belief back while it trains: how long until the image recovers?
# 3. Set α REQ to 0 while REI trains. Which part of the image gets worse: the part that $A$ sees, or the part that it does not?
# 4. Under *More settings*, train MRI with the group `shifts`. Why do the stripes stay?
# 5. Run a cell that computes for a minute while the lab trains. What happens to the images, and what to the run?
