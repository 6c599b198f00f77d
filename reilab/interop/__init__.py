"""Bridges to other libraries: what theirs is here, and what is ours there."""
