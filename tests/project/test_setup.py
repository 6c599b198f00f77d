"""What holds the project together: imports, environments, no generated output."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from kit import ROOT, TESTS

from benchmarks.sizes import import_graph, part_of

SOURCES = sorted((ROOT / "reilab").rglob("*.py"))
GRAPH = import_graph()

#: Each layer may import from those before it, and from itself; the picture in the docs says which.
PICTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
LAYERS = [set(line.split("  ")[0].split()) for line in PICTURE.strip().splitlines()]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
#: A run is read without knowing how it was trained, and its processes are looked after.
TORCH_FREE = (
    "reilab.disk",
    "reilab.plain",
    "reilab.record.chunks",
    "reilab.record.codec",
    "reilab.record.folder",
    "reilab.record.history",
    "reilab.record.log",
    "reilab.record.notes",
    "reilab.record.pictures",
    "reilab.record.steps",
    "reilab.show.table",
    "reilab.show.curves",
    "reilab.show.panes",
    "reilab.runs.drive",
    "reilab.runs.meters",
    "reilab.runs.processes",
    "reilab.runs.queue",
    "reilab.runs.pool",
    "reilab.runs.roster",
)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layer_of(module: str) -> int:
    part = module.split(".")[1] if "." in module else "__init__"
    return next(index for index, layer in enumerate(LAYERS) if part in layer)


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_point_downward(path: Path) -> None:
    module = module_name(path)
    imported = GRAPH.find_modules_directly_imported_by(module)
    assert [name for name in imported if layer_of(name) > layer_of(module)] == []


def test_imports_go_in_no_circle() -> None:
    before = {name: GRAPH.find_modules_directly_imported_by(name) for name in GRAPH.modules}
    TopologicalSorter(before).prepare()


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_processes_are_started_downward(path: Path) -> None:
    started = re.findall(r"\"-m\",\s*\"(reilab[\w.]*)\"", path.read_text(encoding="utf-8"))
    started = [name if "." in name else "reilab.__main__" for name in started]
    module = module_name(path)
    assert [name for name in started if layer_of(name) > layer_of(module)] == []


@pytest.mark.parametrize("module", TORCH_FREE)
def test_readers_of_runs_load_no_torch(module: str) -> None:
    code = f"import {module}, sys; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_every_reader_of_the_record_is_looked_at() -> None:
    record = {module_name(path) for path in (ROOT / "reilab" / "record").glob("[!_]*.py")}
    assert record <= set(TORCH_FREE)


def test_the_picture_of_the_layers_has_every_part() -> None:
    parts = {part_of(path) for path in SOURCES}
    assert sorted(part for layer in LAYERS for part in layer) == sorted(parts)


def test_bridges_to_other_libraries_are_imported_by_nobody() -> None:
    bridges = GRAPH.find_children("reilab.interop")
    assert bridges
    assert {
        user for one in bridges for user in GRAPH.find_modules_that_directly_import(one)
    } == set()


def test_tasks_do_not_import_each_other() -> None:
    tasks = GRAPH.find_children("reilab.tasks") - {"reilab.tasks.registry"}
    assert tasks
    for name in tasks:
        assert not GRAPH.find_modules_directly_imported_by(name) & tasks


def loaded_by(module: str) -> dict[str, set[str]]:
    """The imports of a module of the lab, and of those modules of the lab that it needs."""
    graph, todo = import_graph(others=True), [module]
    found: dict[str, set[str]] = {}
    while todo:
        name = todo.pop()
        if name.startswith("reilab.lab") and name not in found:
            found[name] = graph.find_modules_directly_imported_by(name)
            todo += found[name]
    return found


def test_the_faces_of_the_lab_share_it_and_do_not_know_each_other() -> None:
    page, notebook = loaded_by("reilab.lab.page"), loaded_by("reilab.lab.notebook.panel")
    shared = {"reilab.lab.form", "reilab.lab.charts", "reilab.lab.pictures"}
    assert shared <= page.keys() & notebook.keys()
    for face, screens in ((page, {"ipywidgets", "anywidget"}), (notebook, {"panel"})):
        assert not screens & {name.split(".")[0] for own in face.values() for name in own}
    assert not [name for name in page if name.startswith("reilab.lab.notebook")]


def test_import_reilab_loads_no_screen() -> None:
    screens = "panel bokeh holoviews ipywidgets dask distributed matplotlib pandas skimage IPython"
    heavy = screens + " h5py pydicom nibabel"
    code = f"import reilab, sys; print([m for m in '{heavy}'.split() if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_conda_environment_equals_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {*project["dependencies"], *project["optional-dependencies"]["lab"]}
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    packages = [entry for entry in listed if isinstance(entry, str)] + pip
    renamed = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
    found = set()
    for entry in packages:
        name, bounds = re.fullmatch(r"([a-z0-9-]+)(.*)", entry).groups()  # type: ignore[union-attr]
        found.add(renamed.get(name, name) + bounds)
    assert found - {"python>=3.11", "pip", "--editable .", "torchvision>=0.21"} == wanted


def test_every_package_that_is_declared_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    names = {plain_name(re.split(r"[<>=]", entry)[0]) for entry in declared}
    modules = import_graph(others=True).modules
    packages = packages_distributions()
    imported = {plain_name(name) for module in modules for name in packages.get(module, ())}
    # Opens the notebooks.
    assert names - imported == {"jupyterlab"}


def plain_name(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def test_hooks_do_what_make_check_does() -> None:
    rules = MAKEFILE.split("\ncheck:")[1].split("\n\n")[0]
    commands = [line.strip() for line in rules.replace("$(BIN)", ".venv/bin").splitlines()[1:]]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [hook["entry"] for hook in hooks["repos"][0]["hooks"]]
    assert [command.removesuffix(" notebooks/*.ipynb") for command in commands] == entries


def steps_of_the_workflow() -> list[str]:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def test_what_a_code_host_runs_are_targets_of_make() -> None:
    steps = steps_of_the_workflow()
    programs = [(ROOT / step).read_text(encoding="utf-8") for step in steps if "/" in step]
    called = re.findall(r"^make (\w+)", "\n".join([*steps, *programs]), re.MULTILINE)
    assert {"check", "test", "quick", "docs", "least", "fresh"} <= set(called)
    phony = MAKEFILE.partition(".PHONY:")[2].splitlines()[0].split()
    targets = re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE)
    assert set(called) <= set(phony) & set(targets)
    assert sorted(phony) == sorted(targets)


def test_make_tests_examples_that_are_there() -> None:
    (named,) = re.findall(
        r"^EXAMPLES := \$\(addprefix reilab/,(.*)\)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert [one for one in named.split() if not (ROOT / "reilab" / one).exists()] == []


def test_the_citation_has_the_version_and_the_licence_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    for name in ("version", "license"):
        assert citation[name] == project[name]
    assert citation["title"] == project["name"]


def test_git_holds_no_generated_output() -> None:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    # The examples are runs on purpose.
    tracked = [f for f in listing.stdout.split() if not f.startswith("data/examples/")]
    assert not [f for f in tracked if f.endswith((".pyc", ".safetensors", ".jsonl", ".log"))]
    assert not [f for f in tracked if f.startswith(("runs/", ".venv/", "build/", "dist/"))]


def test_no_two_public_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module_name(path))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_the_tree_of_tests_mirrors_that_of_the_source() -> None:
    tests = sorted(file.relative_to(TESTS) for file in TESTS.rglob("test_*.py"))
    of_the_package = [file for file in tests if file.parts[0] != "project"]
    assert [file for file in of_the_package if not (ROOT / "reilab" / file.parent).is_dir()] == []
    of_modules = [file.stem.removeprefix("test_") for file in tests if len(file.parts) == 1]
    assert [name for name in of_modules if not (ROOT / "reilab" / f"{name}.py").exists()] == []
