"""A†y of the paper's inpainting on Urban100 itself, where the photographs and the mask are at hand.

``REILAB_URBAN100`` names the folder with ``train`` and ``test``, ``REILAB_AUTHORS_MASKS`` the one
with the authors' mask. Reference values: the authors' operator and metric on the same photographs.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from reilab.cli.main import main
from reilab.key import Key
from reilab.metrics import psnr, rei_legacy_psnr
from reilab.problem import Problem
from reilab.tasks.registry import find_task

MASKS = Path(os.environ.get("REILAB_AUTHORS_MASKS", "../shared/data")).absolute()
PHOTOGRAPHS = Path(os.environ.get("REILAB_URBAN100", MASKS / "urban100")).absolute()
MASK = MASKS / "rei_inpainting_mask_256.npy"
#: PSNR of A†y in dB by gain, by the authors' formula and conventionally; means over ten images.
KNOWN = {1e-6: (5.84, 10.79), 0.01: (5.67, 10.62), 0.05: (5.05, 10.00), 0.1: (4.38, 9.33)}

pytestmark = pytest.mark.skipif(
    not (PHOTOGRAPHS.is_dir() and MASK.is_file()),
    reason="Urban100 and the authors' mask are not here (REILAB_URBAN100, REILAB_AUTHORS_MASKS)",
)


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """The paper's inpainting, of the ten test photographs."""
    root = tmp_path_factory.mktemp("root")
    main(["data", "prepare", "urban100", "--source", str(PHOTOGRAPHS), "--root", str(root)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REILAB_DATA", str(root))
        return find_task("inpainting").pose("paper", {"mask": str(MASK)})


@pytest.mark.parametrize("gain", KNOWN)
def test_the_start_is_that_of_the_paper(problem: Problem, gain: float) -> None:
    assert (len(problem.train), len(problem.test)) == (90, 10)
    x = problem.test.batch(torch.arange(10)).x
    assert x is not None
    y = problem.noise.at(gain).sample(problem.physics(x), (Key(0) / gain.hex()).streams(range(10)))
    start = problem.physics.pinv(y)
    pairs = zip(torch.split(start, 1), torch.split(x, 1), strict=True)
    legacy = torch.stack([rei_legacy_psnr(a, b) for a, b in pairs]).mean()
    # As the paper's figures are given.
    assert (float(legacy), float(psnr(start, x).mean())) == pytest.approx(KNOWN[gain], abs=0.01)
