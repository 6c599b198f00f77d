"""A task, a method or a network in one file outside the package stands everywhere at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kit import PLUGINS, ROOT

from reilab.tasks.registry import tasks

pytestmark = pytest.mark.slow

PLUGIN = PLUGINS / "denoising.py"


def with_plugin(*command: str, plugin: Path = PLUGIN, timeout: int = 240) -> str:
    environment = {**os.environ, "REILAB_PLUGINS": str(plugin), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=timeout,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_command_line_lists_it() -> None:
    listing = with_plugin("-m", "reilab", "tasks")
    assert "denoising" in listing
    assert "all pixels are seen" in listing


def test_command_line_trains_it_with_its_own_options(tmp_path: Path) -> None:
    out = tmp_path / "run"
    printed = with_plugin(
        *("-m", "reilab", "compare", "denoising", "--preset", "smoke", "--sigma", "0.3"),
        *("--out", str(out), "--json"),
    )
    assert '"noise": 0.3' in printed.splitlines()[-1]
    assert (out / "figure.png").stat().st_size > 10_000


def test_the_lab_offers_it(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from reilab.lab.model import Lab;"
        f"asked = Lab(Path({str(tmp_path)!r})).choices; asked.task = 'denoising';"
        "print(asked.param.task.objects, asked.noise, asked.config().spec)"
    )
    printed = with_plugin("-c", code)
    assert "'denoising'" in printed
    assert "Denoising(size=32, sigma=0.2)" in printed


def test_the_parametrised_tests_take_it_up() -> None:
    printed = with_plugin(
        *("-m", "pytest", "-p", "no:cacheprovider", "-k", "denoising", "-vv"),
        *("tests/tasks/test_tasks.py", "tests/cli/test_cli.py", "tests/training/test_training.py"),
    )
    assert "denoising" in printed
    assert " passed" in printed
    for module in ("test_tasks", "test_cli", "test_training"):
        assert f"{module}.py::" in printed


ADDITIONS = PLUGINS / "additions.py"


def test_a_method_and_a_network_stand_on_the_command_line(tmp_path: Path) -> None:
    told = with_plugin(
        *("-m", "reilab", "compare", "mri", "--network", "one-layer", "--help"), plugin=ADDITIONS
    )
    for word in ("flat", "--alpha-flat", "Weight of flatness", "one-layer: One layer", "--kernel"):
        assert word in told
    out = tmp_path / "run"
    printed = with_plugin(
        *("-m", "reilab", "compare", "mri", "--preset", "smoke", "--methods", "flat", "sure"),
        *("--network", "one-layer", "--kernel", "3", "--alpha-flat", "0.5", "--json"),
        *("--out", str(out)),
        plugin=ADDITIONS,
    )
    assert '"flat"' in printed.splitlines()[-1]
    config = (out / "config.yaml").read_text(encoding="utf-8")
    assert "name: one-layer" in config
    assert "alpha_flat: 0.5" in config


IN_THE_LAB = """
import sys
from pathlib import Path

import pytest
from reilab.lab.form import GROUPS, control, further
from reilab.lab.explain import objectives
from reilab.lab.model import Lab
from reilab.lab.notebook.elements import STYLE

lab = Lab(Path(sys.argv[1]))
choices = lab.choices
choices.task, choices.preset, choices.methods = "mri", "smoke", ["flat"]
choices.network = "one-layer"
assert "alpha_flat" in GROUPS["Changeable while training"]
shown = control(lab, "alpha_flat")
assert (shown.label, shown.value, shown.shown) == ("α flat", "0.01", True), shown
assert not control(lab, "alpha_req").shown
assert "kernel" in further(choices) and "width" not in further(choices)
assert [one.colour for one in control(lab, "methods").options if one.value == "flat"] == ["#5b4fc7"]
assert "#5b4fc7" in STYLE
html = objectives(choices, lab.history)
assert "‖∇<i>x̂</i>‖<sub>1</sub>" in html and "SURE(<i>y</i>" in html, html
config = choices.config()
assert config.network.kernel == 5 and config.methods == ("flat",)
print("seen")
"""


def test_they_stand_in_the_lab_with_their_own_formula_and_colour(tmp_path: Path) -> None:
    assert "seen" in with_plugin("-c", IN_THE_LAB, str(tmp_path), plugin=ADDITIONS)


def test_the_checks_take_them_up() -> None:
    printed = with_plugin(
        *("-m", "pytest", "-p", "no:cacheprovider", "-k", "flat or one-layer", "-vv"),
        "tests/methods/test_methods.py",
        plugin=ADDITIONS,
    )
    assert "test_methods_keep_their_promises[flat]" in printed
    assert "test_networks_keep_their_promises[one-layer]" in printed


STRIPES = PLUGINS / "stripes.py"


@pytest.mark.parametrize("task", tasks())
def test_a_noise_model_and_a_group_serve_every_task(task: str, tmp_path: Path) -> None:
    told = with_plugin("-m", "reilab", "compare", task, "--help", plugin=STRIPES)
    assert "stripes" in told
    assert "upside-down" in told
    out = tmp_path / "run"
    with_plugin(
        *("-m", "reilab", "compare", task, "--preset", "smoke", "--methods", "rei"),
        *("--noise-model", "stripes", "--sigma", "0.2", "--group", "upside-down"),
        *("--out", str(out)),
        plugin=STRIPES,
    )
    config = (out / "config.yaml").read_text(encoding="utf-8")
    for line in ("noise_model: stripes", "group: upside-down", "assumed_noise: 0.2"):
        assert line in config


def test_the_lab_offers_a_noise_model_and_a_group(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from reilab.lab.form import control;"
        "from reilab.lab.model import Lab; lab = Lab(Path(sys.argv[1]));"
        "lab.choices.task = 'mri';"
        "names = ('noise_model', 'group');"
        "print(*(one.value for name in names for one in control(lab, name).options))"
    )
    printed = with_plugin("-c", code, str(tmp_path), plugin=STRIPES)
    assert printed.split() == [
        *("correlated", "gaussian", "laplace", "stripes", "uniform"),
        *("flips", "quarter-turns", "rotations", "shifts", "upside-down"),
    ]


def test_the_checks_take_a_noise_model_up() -> None:
    printed = with_plugin(
        *("-m", "pytest", "-p", "no:cacheprovider", "-k", "stripes", "-vv"),
        "tests/noise/test_noise.py",
        plugin=STRIPES,
    )
    assert "test_noise_models_keep_their_promises[stripes] PASSED" in printed


MATRIX = PLUGINS / "matrix.py"


def test_a_format_of_images_is_read_everywhere(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for number in range(2):
            file = tmp_path / "images" / split / f"{number}.matrix"
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savetxt(file, rng.random((40, 40)))
    source, root = str(tmp_path / "images"), str(tmp_path / "root")
    words = ("data", "prepare", "mine", "--source", source, "--size", "32", "--root", root)
    told = with_plugin("-m", "reilab", *words, plugin=MATRIX)
    assert "2 to train, 2 to test" in told
    out = tmp_path / "run"
    with_plugin(
        *("-m", "reilab", "train", "ct", "--preset", "smoke", "--data", source),
        *("--out", str(out)),
        plugin=MATRIX,
    )
    assert (out / "figure.png").exists()
