# make lab | test | quick | check | docs | reproduce | bench | gpu | data  (a fresh machine needs Python, make and git)
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PORT   ?= 5006
# Processes that share the tests out.
JOBS   ?= 2
OPEN   ?= 1
PRESET ?= quick
METHODS ?= supervised ei rei sure mc
SEEDS ?= 0 1 2
GRID   ?= grids/$(PRESET)
MACHINE ?= $(shell uname -m)-$(shell nproc)cores
OUT    ?= docs/results/gpu
DEVICE ?= cuda
MINUTES ?= 8
# Whose docstrings have examples that are tested.
EXAMPLES := $(addprefix reilab/,physics noise groups.py methods nets metrics.py)
# A test that waits for ever says where and ends its process, and with it the rest (the longest, of all
# seeded bugs, takes less than ten minutes). Not in pyproject.toml: pytest 8, as GPU machines have it, would refuse it.
PATIENT := -o faulthandler_timeout=1800 -o faulthandler_exit_on_timeout=true --max-worker-restart 0
SHARED := -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PATIENT)

.PHONY: lab test quick check docs least fresh sizes reproduce bench gpu format notebooks data clean

## Serve the lab at http://127.0.0.1:$(PORT) and open a browser (OPEN=0 does not).
lab: $(VENV)/ready
	$(BIN)/reilab app --port $(PORT) $(if $(filter 0,$(OPEN)),--no-open)

## Run all tests; those of the lab's page need Chromium and say so where there is none.
test: $(VENV)/ready
	$(BIN)/python -m pytest --doctest-modules $(EXAMPLES)
	$(BIN)/python -m pytest -rs $(SHARED)

## Run what takes moments: no browser, no worker, no notebook, no grid (under a minute).
quick: $(VENV)/ready
	$(BIN)/python -m pytest --doctest-modules $(EXAMPLES)
	$(BIN)/python -m pytest -m "not (slow or browser or grid or gpu)" -n $(JOBS) --dist worksteal

## Format and lint with ruff, look for output in notebooks, check types with mypy; changes nothing.
check: $(VENV)/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb
	$(BIN)/mypy

## Build the documentation into site/, to be read from disk (site/index.html) or served by anything. What
## it takes is put into .venv; lessons are carried out once and kept in .lessons until they change.
docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

## Run the same with the least versions that pyproject.toml claims (needs uv, and 6 GB for a while).
least:
	$(PYTHON) -m benchmarks.least

## Build wheel and sdist from the last commit, and use the wheel alone in fresh environments with the
## least and the newest versions (needs uv, Python 3.11 and 3.13, and 15 GB for a while).
fresh: $(VENV)/ready
	$(BIN)/python -m benchmarks.fresh docs/results/fresh.md

## Print the lines of each part of the package, its modules and imports, beside their budgets.
sizes: $(VENV)/ready
	$(BIN)/python -m benchmarks.sizes

## Train the paper's grid, small, with ablations and three seeds, and write tables and a report (call
## again to go on; PRESET=, METHODS=, SEEDS=, GRID=).
reproduce: $(VENV)/ready
	$(BIN)/reilab reproduce --preset $(PRESET) --methods $(METHODS) --seeds $(SEEDS) --out $(GRID)

## Measure speed and memory side by side (half an hour; BENCH="step limit" runs those two only).
bench: $(VENV)/ready
	$(BIN)/python -m benchmarks docs/results/bench-$(MACHINE).md $(BENCH)

## Tests, speed, training and teams on a CUDA card, in eight minutes (docs/gpu.md; OUT=, DEVICE=,
## MINUTES=, GPU="--small" and other options).
gpu: $(VENV)/ready
	$(BIN)/python -m benchmarks.gpu --out $(OUT) --device $(DEVICE) --minutes $(MINUTES) $(GPU)

## Put code and notebooks into shape.
format: $(VENV)/ready notebooks
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

## Take the output out of notebooks, and bring each and its text in notebooks/text to the newer of both.
notebooks: $(VENV)/ready
	$(BIN)/nbstripout --keep-id notebooks/*.ipynb
	$(BIN)/jupytext --quiet --sync notebooks/*.ipynb

## Rebuild the bundled images from their sources (downloads about 360 MB).
data: $(VENV)/ready
	$(BIN)/python data/build.py

# The tested versions; set up again whenever they or the project's needs change.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "reilab needs Python 3.11 or newer; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/docs: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

clean:
	rm -rf site .lessons $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
