"""Runs: folders that hold them, the loop that drives them, jobs that carry them out."""
