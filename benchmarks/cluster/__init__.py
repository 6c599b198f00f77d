"""A grid on a Slurm that loses its jobs, all on this machine: ``python -m benchmarks.cluster``."""
