"""The command line: what it makes, what it prints, and what it refuses."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit.browsers import until

from reilab.cli.main import main
from reilab.events import SetLearningRate, SetWeight
from reilab.metrics import MOST
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs import jobs
from reilab.runs.config import configure
from reilab.runs.roster import worker_alive
from reilab.tasks.registry import tasks


@pytest.fixture(autouse=True)
def own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REILAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def keep_signal_handlers() -> Any:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])


def refuse(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one message with which a command ends."""
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(tasks()))
def test_compare_ends_with_json_and_a_figure(
    task: str, capsys: pytest.CaptureFixture[str], own_runs: Path
) -> None:
    main(["compare", task, "--preset", "smoke", "--steps", "2", "--json"])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"task", "preset", "noise", "run", "pinv", "methods"} <= result.keys()
    assert list(result["methods"]) == ["supervised", "ei", "rei"]
    figures = {"psnr", "ssim", "psnr_range", "psnr_null"}
    assert result["methods"]["rei"].keys() == figures | {"seconds", "steps"}
    assert result["methods"]["rei"]["steps"] == 2
    assert result["pinv"].keys() == figures
    for told in (result["pinv"], *result["methods"].values()):
        assert all(0 < told[part] <= MOST for part in ("psnr_range", "psnr_null"))
    assert (Path(result["run"]) / "figure.png").exists()


def test_options_reach_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "there"
    words = "--preset=smoke --methods rei ei --noise 12 --assumed-noise 6 --alpha-sure 0.5"
    more = "--alpha-req 2 --steps 1 --seed 4 --views 10 --out"
    main(["compare", "ct", *words.split(), *more.split(), str(out)])
    history = history_of(RunFolder(out).events())
    started = history.tracks["rei"].started
    assert started.weights == {"sure": 0.5, "req": 2.0}
    assert history.tracks["ei"].started.weights == {"mc": 1e-5, "eq": 1e3}
    assert started.assumed_noise == 6
    assert history.posed is not None
    assert history.posed.noise == 12
    assert "views: 10" in RunFolder(out).config
    assert "seed: 4" in RunFolder(out).config


def test_runs_are_listed_shown_and_deleted(
    own_runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", "mri", "--preset", "smoke", "--method", "rei", "--steps", "1"])
    (run,) = own_runs.iterdir()
    capsys.readouterr()
    main(["runs", "list"])
    listing = capsys.readouterr().out
    assert run.name in listing
    assert "finished" in listing
    main(["runs", "show", run.name])
    assert "REI" in capsys.readouterr().out
    assert "is finished" in refuse(capsys, "runs", "resume", run.name)
    main(["runs", "delete", run.name, "--yes"])
    assert not run.exists()


def test_a_run_is_forked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "first"
    main(["train", "mri", "--preset", "smoke", "--steps", "4", "--out", str(out)])
    words = ["runs", "fork", str(out), "--step", "2"]
    main([*words, "--alpha-req", "5", "--milestones", "3", "--assumed-noise", "0.2"])
    made = RunFolder(tmp_path / "first-from-2")
    history = history_of(made.events())
    assert history.finished
    started = history.tracks["rei"].started
    assert (started.step, started.weights["req"], started.assumed_noise) == (2, 5, 0.2)
    assert "milestones:\n  - 3\n" in made.config
    capsys.readouterr()
    assert "those that are: 0, 2, 4" in refuse(capsys, *words[:-1], "3")
    assert "alpha_req = -1.0 is too small" in refuse(capsys, *words, "--alpha-req", "-1")
    assert "no run 'nothing'" in refuse(capsys, "runs", "fork", "nothing", "--step", "2")
    with pytest.raises(SystemExit):
        main(["runs", "fork", "--help"])
    assert "--alpha-req" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_at_work_is_steered_paused_and_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = {"steps": 100_000, "log_every": 1, "evaluate_every": 1000}
    run = jobs.submit(configure("mri", "smoke", ["ei", "rei"], training=training), tmp_path)
    name = str(run.path)
    until(lambda: any(t.stepped for t in history_of(run.events()).tracks.values()), "a step", 120)
    main(["runs", "steer", name, "--alpha-req", "5", "--learning-rate", "1e-4"])
    told = capsys.readouterr().out
    assert re.findall(r"^(\w+): (?:.*?), from step \d+ on$", told, re.M) == ["REI", "EI", "REI"]
    tracks = history_of(run.events()).tracks
    assert [event.command for event in tracks["rei"].steered] == [
        SetWeight("req", 5.0),
        SetLearningRate(1e-4),
    ]
    assert "nothing to change" in refuse(capsys, "runs", "steer", name)
    assert "alpha_supervised: no" in refuse(
        capsys, "runs", "steer", name, "--alpha-supervised", "2"
    )
    assert "refuses: " in refuse(capsys, "runs", "steer", name, "--alpha-req=-1")
    main(["runs", "pause", name])
    until(lambda: history_of(run.events()).paused, "the pause", 60)
    main(["runs", "steer", name, "--alpha-eq", "2"])
    main(["runs", "continue", name])
    until(lambda: not history_of(run.events()).paused, "its end", 60)
    main(["runs", "stop", name])
    until(lambda: not worker_alive(run), "the end", 60)
    assert history_of(run.events()).stopped
    for action in ("steer", "pause", "continue", "stop"):
        assert "nobody is at work" in refuse(capsys, "runs", action, name)


@pytest.mark.slow
def test_interrupt_stops_with_a_checkpoint_and_resume_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cut"
    words = ["compare", "mri", "--preset", "smoke", "--steps", "60", "--methods", "ei", "rei"]
    child = subprocess.Popen(
        [sys.executable, "-m", "reilab", *words, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and child.poll() is None:
        events = out / "events.jsonl"
        if events.exists() and "Stepped" in events.read_text():
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 0, told
    assert "runs resume" in told
    assert (out / "checkpoints" / "rei.safetensors").exists()
    assert history_of(RunFolder(out).events()).stopped
    main(["runs", "resume", str(out)])
    history = history_of(RunFolder(out).events())
    assert history.finished
    assert [e.step for e in history.tracks["rei"].stepped] == list(range(1, 61))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["compair", "mri"], "unknown command 'compair'. Did you mean 'compare'?"),
        (["compare", "mir"], "unknown task 'mir'. Did you mean 'mri'?"),
        (["compare", "mri", "--preset", "quik"], "Did you mean 'quick'?"),
        (["compare", "mri", "--methods", "rei", "sup"], "unknown method 'sup'"),
        (["compare", "mri", "--methods", "rei", "rei"], "each once"),
        (["compare", "mri", "--noise", "-0.1"], "sigma = -0.1 is too small; the least is 0"),
        (["compare", "mri", "--noise", "nan"], "sigma = nan is not finite"),
        (["compare", "mri", "--batch", "9" * 400], "is not finite; give an ordinary number"),
        (
            ["compare", "mri", "--batch", str(2**63)],
            "is too large; the most is 9223372036854775807",
        ),
        (["compare", "mri", "--assumed-noise", "inf"], "sigma = inf is not finite"),
        (["compare", "inpainting", "--noise", "0"], "gamma = 0.0 must be greater than 0"),
        (["compare", "mri", "--alpha-req", "-1"], "alpha_req = -1.0 is too small"),
        (["compare", "mri", "--size", "50"], "size = 50 must be a multiple of 8"),
        (["compare", "mri", "--size", "-8"], "size = -8 is too small"),
        (["compare", "mri", "--preset", "smoke", "--batch", "5000"], "batch = 5000 is larger than"),
        (["compare", "mri", "--data", "brian"], "data = 'brian' is neither bundled"),
        (["compare", "mri", "--data", "urban"], "has 3 channels and this task takes 1"),
        (["compare", "mri", "--device", "gpu"], "device = 'gpu' is unknown"),
        (["compare", "mri", "--network", "unet", "--norm", "bach"], "norm = 'bach' is not one of"),
        (["compare", "mri", "--log-every", "7"], "must be a multiple of"),
        (
            ["compare", "mri", "--engine", "winograd", "--precision", "bfloat16"],
            "engine = winograd computes in float32",
        ),
        (["runs", "resume", "nothing"], "no run 'nothing'"),
        (["tasks", "--all"], "Unrecognized options: --all"),
        (["runs", "shwo"], "unknown command 'shwo'. Did you mean 'show'?"),
        (["compare", "mri", "--steps", "few"], "Error parsing --steps: invalid literal for int()"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str], own_runs: Path
) -> None:
    assert told in refuse(capsys, *words)
    assert not own_runs.exists()


def test_unknown_option_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", "mri", "--alpha-rec", "1"])
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert "--alpha-req" in printed.out + printed.err


def test_an_existing_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    words = ["compare", "mri", "--preset", "smoke", "--out", str(tmp_path / "mine")]
    assert "is no run" in refuse(capsys, *words)
    assert [f.name for f in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_folder_of_images_and_an_unreadable_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for index in range(12):
        np.save(tmp_path / f"{index:02d}.npy", rng.random((40, 50)))
    words = ["train", "mri", "--preset", "smoke", "--data", str(tmp_path)]
    main([*words, "--steps", "1", "--out", str(tmp_path / "out")])
    (tmp_path / "05.png").write_bytes(b"not a picture")
    told = refuse(capsys, *words)
    assert "05.png" in told
    assert "cannot be read" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], ("app", "compare", "train", "evaluate", "reconstruct", "reproduce", "tasks", "runs")),
        (["inspect", "mri", "-h"], ("--group", "--size", "--json")),
        (["runs"], ("list", "show", "resume", "fork", "export", "thin", "delete")),
        (["runs", "--help"], ("list", "show", "resume", "fork", "export", "thin", "delete")),
        (["compare"], tuple(tasks())),
        (["train", "ct", "-h"], ("--views", "[counts per photon]", "--gamma", "(default: 20.0)")),
        (["train", "inpainting", "-h"], ("Level of the noise: the same as --gamma", "[of white]")),
        (["train", "mri", "-h"], ("each real component of k-space", "The same as --sigma.")),
        (["compare", "ct", "--preset", "paper", "-h"], ("--views", "(default: 1.0)", "--methods")),
        (["compare", "mri", "--network", "unet", "-h"], ("--norm", "--sigma", "--from")),
        (["evaluate", "mri", "-h"], ("--checkpoint", "--noise", "--sigma")),
        (["reproduce", "-h"], ("--out", "--tasks", "--set", "--scheduler", "--cluster")),
        (["app", "-h"], ("--port", "--no-open")),
    ],
)
def test_help_tells_what_there_is(
    words: list[str], told: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(words)
    text = capsys.readouterr().out
    assert [one for one in told if one not in text] == []


def test_help_loads_no_torch() -> None:
    code = (
        "import contextlib, sys, reilab.cli.main as cli\n"
        "with contextlib.suppress(SystemExit): cli.main(['runs', '--help'])\n"
        "print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "False"
