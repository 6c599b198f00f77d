"""Early stopping on the validation images, and evaluation on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reilab.events import Evaluated, Event, Finished
from reilab.runs.config import RunConfig, configure
from reilab.runs.stream import prepare, stream
from reilab.training.checkpoint import load_checkpoint, save_checkpoint
from reilab.training.evaluate import prepare_exam
from reilab.training.train import train

pytestmark = pytest.mark.slow

#: So large a rate that more steps are not always better.
UNSTEADY = {"steps": 6, "evaluate_every": 1, "log_every": 1, "learning_rate": 0.03}


def unsteady(methods: tuple[str, ...] = ("supervised",), **training: object) -> RunConfig:
    return configure(
        "inpainting",
        "smoke",
        methods,
        network="unrolled",
        settings={"width": 16},
        training={**UNSTEADY, **training},
    )


def psnr(events: list[Event], method: str = "supervised") -> list[float]:
    found = [e.metrics for e in events if isinstance(e, Evaluated) and e.method == method]
    return [one.psnr for one in found if one]


def ends(events: list[Event]) -> dict[str, int | None]:
    return {e.method: e.ends_with for e in events if isinstance(e, Finished)}


@pytest.fixture(scope="module")
def judged() -> list[float]:
    """PSNR on the validation images at steps 0 to 6."""
    marks = psnr(list(stream(unsteady(exam="validation"))))
    best = max(range(7), key=marks.__getitem__)
    assert 0 < best < 6, "the example shows nothing if the last network is the best"
    return marks


def test_it_ends_with_the_network_that_did_best_on_the_validation_images(
    judged: list[float],
) -> None:
    events, last = list(stream(unsteady(ends_with="best"))), list(stream(unsteady()))
    best = max(range(7), key=judged.__getitem__)
    assert ends(events) == {"supervised": best}
    assert ends(last) == {"supervised": 6}
    assert psnr(events)[:6] == psnr(last)[:6]
    assert psnr(events)[6] == psnr(last)[best]


def test_methods_without_the_truth_end_with_their_last_network() -> None:
    assert ends(list(stream(unsteady(("rei",), ends_with="best")))) == {"rei": 6}


def test_the_best_network_survives_a_checkpoint(tmp_path: Path, judged: list[float]) -> None:
    best = max(range(7), key=judged.__getitem__)
    whole, cut = (prepare(unsteady(ends_with="best")) for _ in range(2))
    for events, stop in ((whole.run(), 99), (cut.run(), best + 1)):
        for event in events:
            if isinstance(event, Evaluated) and event.step == stop:
                break
    save_checkpoint(cut.states[0], tmp_path / "supervised.safetensors")
    again = prepare(unsteady(ends_with="best"))
    load_checkpoint(again.states[0], tmp_path / "supervised.safetensors")
    rest = list(train(again.states[0], again.problem, again.training, again.exam))
    assert ends(rest) == {"supervised": best}
    ours, theirs = (one.states[0].network.state_dict() for one in (again, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_three_splits_have_measurements_of_their_own() -> None:
    prepared = prepare(unsteady(ends_with="best"))
    exam = prepared.exam
    assert exam.validation is not None
    assert not torch.equal(exam.y[0], exam.validation.y[0])
    tuning = prepare_exam(prepared.problem, replace(prepared.training, exam="validation"))
    assert torch.equal(tuning.y, exam.validation.y)


@pytest.mark.parametrize("change", [{"exam": "validation"}, {"ends_with": "best"}])
def test_data_without_validation_images_are_refused(change: dict[str, str]) -> None:
    prepared = prepare(unsteady())
    blind = replace(prepared.problem, validation=None)
    with pytest.raises(ValueError, match=r"needs validation images .* ends_with = last"):
        prepare_exam(blind, replace(prepared.training, **change))  # type: ignore[arg-type]
