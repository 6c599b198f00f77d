"""Curves and pictures of a run: any moment of its past, read from disk when it is looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reilab.events import (
    Evaluated,
    Event,
    Failed,
    Metrics,
    Posed,
    SetWeight,
    Started,
    Steered,
    Stepped,
)
from reilab.record import pictures
from reilab.record.folder import RunFolder
from reilab.record.history import History, history_of, losses_of
from reilab.record.pictures import Stored
from reilab.record.steps import StepTable, blocks_of
from reilab.show.curves import marks_of, scores_of, thinned

N_MOMENTS, MOST = 50, 8


def started(step: int = 0) -> Started:
    return Started("rei", step, 100, 10, False, {"sure": 1.0}, 1e-3, 0.1, "online")


def evaluated(step: int) -> Evaluated:
    metrics = None if step == 0 else Metrics(20.0 + step, 0.5, 0.1, 30.0, 25.0)
    return Evaluated("rei", step, metrics, np.full((2, 4, 6, 1), step / 1000, np.float32))


def stepped(step: int, risk: float | None = None) -> Stepped:
    return Stepped("rei", step, {"sure": 1.0 / step}, 2.0 / step, 1e-3, 0.5, risk)


def test_losses_scores_and_marks() -> None:
    steered = Steered("rei", 10, SetWeight("sure", 2.0))
    failed = Failed("rei", 25, "why")
    log: list[Event] = [started(), evaluated(0), stepped(10), steered, stepped(20, 0.25)]
    track = history_of([*log, evaluated(20), started(20), evaluated(20), failed]).tracks["rei"]
    losses, scores = track.losses, scores_of(track)
    assert losses.step.tolist() == [10, 20]
    assert losses.terms["sure"].tolist() == [0.1, 0.05]
    assert losses.total.tolist() == [0.2, 0.1]
    assert losses.seconds.tolist() == [0.5, 1.0]
    assert np.isnan(losses.risk[0])
    assert losses.risk[1] == 0.25
    assert scores.step.tolist() == [0, 20]
    assert np.isnan(scores.psnr[0])
    assert (scores.psnr[1], scores.ssim[1], scores.nmse[1]) == (40.0, 0.5, 0.1)
    assert (scores.psnr_range[1], scores.psnr_null[1]) == (30.0, 25.0)
    assert [mark.step for mark in marks_of(track)] == [10, 20, 25]
    assert [mark.event for mark in marks_of(track)] == [steered, started(20), failed]


def test_losses_read_while_they_grow_are_those_read_at_once() -> None:
    other = Stepped("rei", 3, {"mc": 7.0}, 7.0, 1e-3, 0.5, 0.1)
    log: list[Event] = [
        started(),
        stepped(1),
        stepped(2),
        other,
        started(2),
        stepped(3),
        stepped(4),
    ]
    history = History()
    for event in log:
        history.add(event)
        grown = history.tracks["rei"].losses
    whole = losses_of(StepTable(blocks_of(history.tracks["rei"].stepped)))
    assert grown.step.tolist() == [1, 2, 3, 4]
    assert list(grown.terms) == list(whole.terms) == ["sure"]
    np.testing.assert_equal(grown.terms["sure"], whole.terms["sure"])
    np.testing.assert_equal(grown.seconds, whole.seconds)
    mixed = losses_of(StepTable(blocks_of([stepped(1), other])))
    np.testing.assert_equal(mixed.terms["sure"], [1.0, np.nan])
    np.testing.assert_equal(mixed.terms["mc"], [np.nan, 7.0])
    np.testing.assert_equal(mixed.risk, [np.nan, 0.1])


def test_curves_of_a_method_that_has_just_started_are_empty() -> None:
    track = history_of([started()]).tracks["rei"]
    assert len(track.losses.step) == len(scores_of(track).psnr) == 0
    assert not track.losses.terms
    assert not marks_of(track)
    assert track.at(5) is None


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "run", "task: mri")
    pixels = np.zeros((2, 4, 6, 1), np.float32)
    folder.record(Posed("mri", "smoke", 0.1, "", "cpu", 8, 2, pixels, None, None))
    folder.record(started())
    for moment in range(N_MOMENTS):
        folder.record(evaluated(10 * moment))
    return folder


def test_every_saved_moment_is_at_hand_and_none_is_read_before(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    load = np.load
    monkeypatch.setattr(pictures.np, "load", lambda path, **o: read.append(path) or load(path, **o))
    history = history_of(folder.follow().poll())
    assert history.moments == tuple(range(0, 10 * N_MOMENTS, 10))
    assert read == []
    for step, shown in ((0, 0), (9, 0), (10, 10), (485, 480), (999, 490)):
        moment = history.tracks["rei"].at(step)
        assert moment is not None
        assert moment.step == shown
        assert moment.images[1].mean() == pytest.approx(shown / 1000, abs=1e-3)
        assert moment.images[0].shape == (4, 6, 1)
    assert len(read) == 4
    assert np.asarray(history.tracks["rei"].evaluated[3].images).shape == (2, 4, 6, 1)


def test_the_memory_for_moments_is_limited(folder: RunFolder) -> None:
    for event in history_of(folder.events()).tracks["rei"].evaluated:
        assert event.images.shape == (2, 4, 6, 1)
    assert pictures._load.cache_info().currsize <= pictures.KEPT < N_MOMENTS


def test_images_that_a_resumed_run_writes_anew_are_seen(folder: RunFolder) -> None:
    moment = history_of(folder.events()).tracks["rei"].at(20)
    assert moment is not None
    assert isinstance(moment.images, Stored)
    assert moment.images[0].max() == pytest.approx(0.02, abs=1e-3)
    folder.record(Evaluated("rei", 20, None, np.ones((2, 4, 6, 1), np.float32)))
    assert moment.images[0].max() == 1
    with pytest.raises(ValueError, match="read-only"):
        moment.images[0][0, 0, 0] = 5


def test_a_long_curve_has_means_and_few_points() -> None:
    """Of a curve that grows the beginning stays, until half as many points take its place."""
    step = np.arange(1.0, 40 * MOST)
    before, width = step[:0], 1
    for count in range(1, len(step)):
        steps, values = thinned(step[:count], step[:count] ** 2, MOST)
        if steps[0] != (width + 1) / 2:
            width, before = 2 * width, step[:0]
        blocks = step[: count // width * width].reshape(-1, width)
        assert steps.tolist() == blocks.mean(1).tolist()
        assert values == pytest.approx((blocks**2).mean(1))
        assert min(count, MOST // 2) <= len(steps) <= MOST
        assert steps[: len(before)].tolist() == before.tolist()
        before = steps


def test_a_mean_is_of_what_is_known() -> None:
    values = np.array([1.0, np.nan, np.nan, np.nan, 5.0, 7.0, np.inf, 3.0])
    _, found = thinned(np.arange(8.0), values, 4)
    assert found.tolist()[::2] == [1.0, 6.0]
    assert np.isnan(found[1])
    assert found[3] == 3.0


def test_an_image_that_there_is_not_is_lost_and_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 4, 4, 1), np.float16))
    stored = Stored(tmp_path / "a.npy")
    assert stored[1].shape == (4, 4, 1)
    with pytest.raises(pictures.LostError, match="has 2 images, and none of number 2"):
        _ = stored[2]
