"""What all tests share: one thread, the skipping of GPU tests, untouched global random states."""

import os
import random
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from kit.device import DEVICE

from reilab.runs import processes

# Small tensors on many threads are slower, and sums in another order give other digits; notebooks,
# workers and servers are processes of their own, beside which other tests run.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")
if DEVICE != "cpu":
    with warnings.catch_warnings():
        # There are newer switches in newer versions of torch, and this one still.
        warnings.simplefilter("ignore")
        # Convolutions of float32 would round their factors to ten bits.
        torch.backends.cudnn.allow_tf32 = False


#: One process is at it for minutes, in which the other may do all else.
FIRST = "test_seeded_bugs.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != FIRST)
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="needs a CUDA device, and this machine has none")
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def no_worker_outlives_its_test() -> Iterator[None]:
    """Ends the workers that a test started in this process, and is done with."""
    yield
    for child in processes.children.values():
        if child.poll() is None:
            child.terminate()
        child.wait()


@pytest.fixture
def random_states_untouched() -> Iterator[None]:
    """Fails a test that draws from, or seeds, a global random generator."""
    before = _random_states()
    yield
    assert _random_states() == before, "a global random generator was touched"


def _random_states() -> tuple[object, ...]:
    numpy_state = np.random.get_state(legacy=False)
    return torch.get_rng_state().tolist(), repr(numpy_state), random.getstate()
