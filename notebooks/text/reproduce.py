# %% [markdown]
# # One run of the paper's grid
#
# One task at one noise level, one method, one seed. `reilab reproduce` executes this notebook for every cell of the grid and keeps each executed copy; it runs as well by hand, or headless:
#
# ```sh
# papermill notebooks/reproduce.ipynb out.ipynb -p task ct -p noise 20 -p method ei
# ```
#
# The run is a folder below `out`: finished, nothing is done again; interrupted, it goes on from its last checkpoint, bit for bit.

# %% tags=["parameters"]
task = "mri"
preset = "quick"
noise = 0.1
method = "rei"
seed = 0
settings = {}  # any field of the task or of the training, as {"size": 64, "steps": 100}
device = "cpu"
out = "runs"

# %% [markdown]
# All settings of the run. Whatever is unknown or out of bounds is an error here, before anything is written.

# %%
# %matplotlib inline
from pathlib import Path

from reilab.batch.cell import Cell, carry_out

cell = Cell(task, preset, noise, method, seed, settings, device)
print(cell.config().to_yaml())

# %% [markdown]
# Training, with a line for each evaluation on the test images.

# %%
from reilab.events import Evaluated


def show(event):
    if isinstance(event, Evaluated) and event.metrics:
        print(f"step {event.step:6d}  {event.metrics.psnr:.2f} dB", flush=True)


folder = carry_out(cell, Path(out), show)

# %% [markdown]
# Mean and standard deviation over all test images, of the network's input $A^\dagger y$ and of what the method makes of it.

# %%
from reilab.runs.marks import mean_and_spread, read_marks

for name, marks in read_marks(folder).items():
    if marks:
        mean, spread = mean_and_spread(marks.psnr)
        print(f"{name:>10}  {mean:.2f} ± {spread or 0:.2f} dB over {len(marks.psnr)} images")

# %% [markdown]
# Ground truth, $A^\dagger y$ and the reconstruction; below, the absolute errors on one scale.

# %%
from reilab.record.history import history_of
from reilab.show.figures import comparison

comparison(history_of(folder.events()))
