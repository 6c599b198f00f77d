# %% [markdown]
# # What a grid of runs has come to
#
# `reilab reproduce --preset quick --out grid` trains EI, REI and a supervised network on three tasks at several noise levels. This notebook gathers its runs: the tables with the published figures beside ours, PSNR against noise, and the reconstructions side by side. `grid/report.html` shows the same without Jupyter.

# %% tags=["parameters"]
folder = "grid"

# %%
# %matplotlib inline
from pathlib import Path

from reilab.batch.grid import GridFolder
from reilab.batch.results import finished_runs, series_of

runs = finished_runs(GridFolder(Path(folder)))
series = series_of(runs)
print(len(runs), "finished runs")

# %% [markdown]
# **Tables.** PSNR in dB (peak 1), mean ± standard deviation over the test images, means over the seeds. Published figures are of other images unless the preset is `paper`, and of single images always: they show where the paper stands and are not comparable line by line.

# %%
from IPython.display import HTML, SVG, display

from reilab.batch.comparison import table_of
from reilab.batch.report import table_html

for one in series:
    display(HTML(table_html(table_of(one), f"{one.task}, preset {one.preset}")))

# %% [markdown]
# **PSNR against noise.** Where do EI and REI part? Bars are deviations over the seeds, where there are several.

# %%
from reilab.batch.report import noise_chart

for one in series:
    display(SVG(noise_chart(one)))

# %% [markdown]
# **Side by side**, as in Figures 3 and 4 of the paper: the first test image at each noise level.

# %%
from reilab.batch.report import rows_of
from reilab.show.figures import side_by_side

for one in series:
    display(side_by_side(rows_of(one)))

# %% [markdown]
# **All settings** of every run stand in `results.csv`, a row each; `seeds.csv` has the means over seeds. With pandas, where it is installed:
#
# ```python
# import pandas
#
# table = pandas.read_csv(f"{folder}/results.csv")
# table.pivot_table(index=["task", "noise"], columns="method", values="psnr_db_mean")
# ```
