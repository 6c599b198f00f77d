"""Inverse problems: one file each. A new file in this folder is a new task."""
