"""Record: a run on disk, its events and what they come to; knows events alone."""
