"""The command line: a thin consumer of the same events as every other face."""
