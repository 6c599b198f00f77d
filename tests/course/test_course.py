"""What the notebooks show with: each helper does what the text beside it says."""

from __future__ import annotations

import html.parser
import math
import os
import signal
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import reilab
from reilab.course.charts import Axes, Line, chart, mean_and_error, psnr_lines, row, rows
from reilab.course.live import Curves, bars_html, train, watch
from reilab.course.phantoms import N_ELLIPSES, coloured_ellipses
from reilab.course.risk import (
    CosineShrinkage,
    cosine_matrix,
    exact_slope,
    finite_slope,
    gaussian_probe,
    repeat,
)
from reilab.course.tables import Table, results_table
from reilab.events import Evaluated, Event
from reilab.key import Key
from reilab.noise import Gaussian, Noise, Poisson, PoissonGaussian
from reilab.runs.stream import Run, prepare_problem

DOUBLE = torch.float64
NOISES: list[Noise] = [
    Gaussian(0.1, tau=1e-3),
    Poisson(0.01, tau=1e-3),
    PoissonGaussian(sigma=0.05, gain=0.005, tau=1e-3),
]


def picture(channels: int = 1, side: int = 32) -> Tensor:
    ramp = torch.linspace(0.2, 0.8, side, dtype=DOUBLE)
    steps = (torch.arange(side) // 8 % 2).to(DOUBLE) * 0.2
    return (ramp[:, None] + steps).clamp(0, 1).expand(1, channels, side, side).clone()


def test_cosine_transform_is_orthonormal() -> None:
    matrix = cosine_matrix(8)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(8, dtype=DOUBLE))
    assert matrix[0].std() < 1e-12


def test_shrinkage_moves_coefficients_by_its_threshold_and_keeps_block_means() -> None:
    y = torch.randn(2, 3, 16, 24, generator=Key(0).generator(), dtype=DOUBLE)
    torch.testing.assert_close(CosineShrinkage(0.0)(y), y)
    flat = CosineShrinkage(1e3)(y)
    blocks = flat.reshape(2, 3, 2, 8, 3, 8)
    assert blocks.std(dim=(3, 5)).max() < 1e-12
    torch.testing.assert_close(
        blocks.mean((3, 5)), y.reshape(2, 3, 2, 8, 3, 8).mean((3, 5)), atol=1e-12, rtol=0
    )
    # One coefficient of size 1 becomes one of size 1 − threshold.
    wave = torch.outer(cosine_matrix(8)[2], cosine_matrix(8)[5])[None, None]
    torch.testing.assert_close(CosineShrinkage(0.3)(wave), 0.7 * wave)


def test_phantoms_are_coloured_images_that_differ_and_repeat() -> None:
    images = coloured_ellipses(6, 32, Key(0))
    assert images.shape == (6, 3, 32, 32)
    assert 0 <= float(images.min()) < float(images.max()) <= 1
    assert torch.equal(images, coloured_ellipses(6, 32, Key(0)))
    assert len(torch.unique(images, dim=0)) == 6
    for image in images:
        assert 3 < len(torch.unique(image.flatten(1).T, dim=0)) <= N_ELLIPSES + 1
        assert not torch.equal(image[0], image[1])


@pytest.mark.parametrize("noise", NOISES, ids=repr)
def test_repeated_sure_is_unbiased(noise: Noise) -> None:
    trial = repeat(noise, picture(), CosineShrinkage(0.1), 400, n_probes=2)
    assert len(trial.sure) == len(trial.risk) == len(trial.residual) == 400
    gap, error = trial.gap
    assert abs(gap) < 2 * error
    # The test is sharp: the residual is no estimate of the risk.
    assert abs(float((trial.residual - trial.risk).mean())) > 10 * error


def test_repetitions_differ_and_repeat() -> None:
    once, again = (repeat(NOISES[0], picture(), CosineShrinkage(0.1), 40) for _ in range(2))
    assert torch.equal(once.sure, again.sure)
    assert len(once.sure.unique()) == 40
    other = repeat(NOISES[0], picture(), CosineShrinkage(0.1), 40, key=Key(1))
    assert not torch.equal(once.sure, other.sure)


def test_more_probes_make_the_estimate_surer() -> None:
    one, many = (repeat(NOISES[0], picture(), lambda y: y, 200, n) for n in (1, 8))
    assert many.sure.std() < 0.7 * one.sure.std()


def test_slopes_agree_for_small_steps_and_are_the_trace_on_average() -> None:
    y = picture() + 0.1 * gaussian_probe(picture(), Key(1))

    def h(values: Tensor) -> Tensor:
        return values**2

    probe = gaussian_probe(y, Key(2))
    exact = exact_slope(h, y, probe)
    torch.testing.assert_close(exact, (2 * y * probe**2).flatten(1).mean(1))
    torch.testing.assert_close(finite_slope(h, y, probe, 1e-6), exact, rtol=1e-4, atol=0)
    assert not torch.allclose(finite_slope(h, y, probe, 1.0), exact, rtol=1e-3)


def test_mean_and_error_is_a_95_percent_interval() -> None:
    assert mean_and_error([1.0, 3.0]) == pytest.approx((2.0, 2 * math.sqrt(2) / math.sqrt(2)))


def test_pictures_have_a_pane_for_each_image() -> None:
    figure = rows([{"a": picture()[0], "b": picture(3)}, {"c": picture()[0]}])
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["a", "b", "c", ""]
    shown = row({"x": picture()}, (0.0, 2.0)).axes[0].images[0].get_array()
    assert shown is not None
    assert shown.shape == (32, 32)
    assert float(shown.max()) == pytest.approx(float(picture().max()) / 2)


def test_chart_names_its_lines_and_axes() -> None:
    lines = {"one": Line([1, 10], [2, 3], [0.1, 0.2]), "two": Line([1, 10], [4, 5], style="--")}
    axis = chart(lines, Axes("γ", "PSNR", x_scale="log")).axes[0]
    assert (axis.get_xlabel(), axis.get_xscale(), axis.get_yscale()) == ("γ", "log", "linear")
    legend = axis.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["one", "two"]


class Cells(html.parser.HTMLParser):
    """The text of an HTML table, row by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data: str) -> None:
        self.rows[-1].append(data)


def test_table_reads_the_same_as_html_and_as_text() -> None:
    table = Table([{"a < b": 0.123456, "n": 3}, {"a < b": "x", "n": 10}])
    assert Cells(table._repr_html_()).rows == [["a < b", "n"], ["0.1235", "3"], ["x", "10"]]
    assert [line.split() for line in str(table).splitlines()[1:]] == [["0.1235", "3"], ["x", "10"]]


@pytest.mark.slow
def test_training_in_a_notebook_is_training(capsys: pytest.CaptureFixture[str]) -> None:
    config = reilab.configure("inpainting", "smoke", ["mc", "ei"])
    quiet, plain = train(config, interactive=False), reilab.run(config)
    assert capsys.readouterr().out == ""
    assert quiet.finished
    for method, track in plain.tracks.items():
        found = quiet.tracks[method]
        assert [e.total for e in found.stepped] == [e.total for e in track.stepped]
        assert found.metrics == track.metrics
    assert [line["Method"] for line in results_table(quiet).rows] == ["A†y", "MC", "EI"]
    assert bars_html(quiet).count("<progress") == 2
    assert "4 of 4 steps" in bars_html(quiet)
    assert Curves(quiet)._repr_html_().count("<svg") >= 3
    lines = psnr_lines({"here": quiet})
    assert list(lines) == ["mc, here", "ei, here"]
    assert lines["ei, here"].y[-1] == quiet.tracks["ei"].metrics.psnr  # type: ignore[union-attr]


@pytest.mark.slow
def test_live_training_shows_bars_and_images(monkeypatch: pytest.MonkeyPatch) -> None:
    display = pytest.importorskip("IPython.display")
    shown: list[str] = []

    class Handle:
        def update(self, output: object) -> None:
            shown.append(output.data)  # type: ignore[attr-defined]

    def first(output: object, display_id: bool) -> Handle:
        assert display_id
        shown.append(output.data)  # type: ignore[attr-defined]
        return Handle()

    monkeypatch.setattr(display, "display", first)
    monkeypatch.setattr("reilab.course.live.BARS_EVERY", 0.0)
    history = train(reilab.configure("inpainting", "smoke", ["mc"]), interactive=True)
    assert history.finished
    assert any("data:image/png;base64," in text for text in shown)
    assert "4 of 4 steps" in shown[-1]
    assert "<img" not in shown[-1]


def test_interrupt_ends_the_training_cleanly_and_keeps_what_was_learnt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pull, before = Run.__next__, signal.getsignal(signal.SIGINT)

    def interrupted(self: Run) -> Event:
        event = pull(self)
        if isinstance(event, Evaluated) and event.step == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return event

    monkeypatch.setattr(Run, "__next__", interrupted)
    config = reilab.configure("inpainting", "smoke", ["mc"], training={"steps": 10_000})
    history = train(config, interactive=False)
    assert history.stopped
    assert 4 <= history.tracks["mc"].step < 10
    assert history.tracks["mc"].evaluated
    assert signal.getsignal(signal.SIGINT) is before


def test_problem_at_hand_is_trained_and_tested_on() -> None:
    config = reilab.configure("mri", "smoke", ["supervised"])
    other = reilab.build(reilab.configure("mri", "smoke", settings={"data": "brain"}))
    crossed = prepare_problem(config, replace(reilab.build(config), test=other.test))
    history = watch(crossed, interactive=False)
    assert history.posed is not None
    assert history.posed.n_test == len(other.test)
    own = reilab.run(config)
    mine, theirs = (h.tracks["supervised"] for h in (own, history))
    assert [e.total for e in mine.stepped] == [e.total for e in theirs.stepped]
    assert mine.metrics != theirs.metrics
