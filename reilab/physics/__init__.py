"""Forward operators, from images to the entries that are measured and nothing else."""
