"""Where tests of operators, noise, groups, losses and training compute: ``REILAB_TEST_DEVICE``."""

import os

import pytest

DEVICE = os.environ.get("REILAB_TEST_DEVICE", "cpu")
#: On a GPU sums are added up in another order each time.
BIT_BY_BIT = pytest.mark.skipif(
    DEVICE != "cpu", reason="runs repeat bit by bit on a CPU, not where additions have no order"
)
