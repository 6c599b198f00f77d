"""Readers of image files: one file per family of formats. None of them runs code from a file."""
