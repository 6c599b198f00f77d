"""Grids of runs: the paper's experiment, headless, on one machine or on a cluster."""
