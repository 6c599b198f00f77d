"""Documents: links lead somewhere, code runs, commands parse, the index of the log is whole."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from kit import PLUGINS, ROOT

from reilab.cli import tree
from reilab.cli.main import main
from reilab.datasets.formats.contents import FORMATS
from reilab.groups import GROUPS
from reilab.methods.registry import _METHODS
from reilab.nets.registry import _NETWORKS
from reilab.noise import NOISES
from reilab.record.folder import examples
from reilab.registry import load_plugin
from reilab.tasks.registry import _TASKS

DOCS = ROOT / "docs"
LOG = DOCS / "LOG.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
GUIDES = [path for path in DOCUMENTS if path.parent.name == "howto"]
COMMAND = re.compile(r"(\w+=\S* )*(reilab|torchrun .* reilab) ")
#: What stands in examples, and what is tried in its place because it takes moments.
SMALLER = {"steps=400": "steps=2", "size=64": "size=32", '"mri", "quick"': '"mri", "smoke"'}
#: Whose modules all stand in the reference.
IN_THE_REFERENCE = ("physics", "methods", "nets")
REGISTRIES = (_TASKS, _METHODS, _NETWORKS, NOISES, GROUPS, FORMATS)


def anchors(path: Path) -> list[str]:
    """What links call the headings of a document, as GitHub does."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for name, anchor in LINK.findall(CODE.sub("", path.read_text(encoding="utf-8"))):
        target = path.parent / name if name else path
        assert target.exists(), name
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), anchor


def test_the_index_of_the_log_has_every_entry_once() -> None:
    entries = [
        entry
        for path in (LOG, *(ROOT / "docs" / "log").glob("*.md"))
        for entry in re.findall(r"^### (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    index = re.findall(
        r"^\| \[(.+)\]\(\S+\) \| .+ \|$", LOG.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(entries) >= 90
    assert sorted(index) == sorted(entries)


@pytest.fixture
def no_plugins() -> Iterator[None]:
    """Whatever is registered meanwhile goes again."""
    before = [registry.all() for registry in REGISTRIES]
    yield
    for registry, known in zip(REGISTRIES, before, strict=True):
        registry._entries = known


def blocks(path: Path, language: str) -> list[str]:
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    return [text for kind, text in found if kind == language]


#: Importing deepinv takes longer than the rest together.
SLOW = {"from-deepinv": pytest.mark.slow}
RUN_GUIDES = [
    pytest.param(path, id=path.stem, marks=[SLOW[path.stem]] if path.stem in SLOW else [])
    for path in GUIDES
]


def carry_out_code(path: Path) -> None:
    """The Python of a guide, one block after the other, made small."""
    names: dict[str, Any] = {"__name__": "guide"}
    for text in blocks(path, "python"):
        for told, tried in SMALLER.items():
            text = text.replace(told, tried)
        exec(compile(text, path, "exec", dont_inherit=True), names)


def command_lines(path: Path) -> Iterator[list[str]]:
    """The words after ``reilab`` of every such line; plug-ins that a line names are loaded."""
    for text in blocks(path, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            for plugin in [word.partition("=")[2] for word in words if "REILAB_PLUGINS=" in word]:
                if (PLUGINS / plugin).exists():
                    load_plugin(PLUGINS / plugin)
            if COMMAND.match(line):
                yield at_hand(words[words.index("reilab") + 1 :])


def at_hand(words: list[str]) -> list[str]:
    """The words with a task and a run that there are in place of others."""
    words = ["mri" if word == "TASK" else word for word in words]
    for flag in {"--checkpoint", "--from"} & set(words):
        words[words.index(flag) + 1] = f"{words[1]}-hour"
    return words


def check_commands(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Follow every command line of a document to its end, without carrying it out."""

    def held(command: Any) -> Any:
        return wraps(command)(lambda *values, **named: lambda: None)

    monkeypatch.setattr(tree, "_held", held)
    for words in command_lines(path):
        try:
            main(words)
        except SystemExit as end:
            assert not end.code, f"reilab {shlex.join(words)}"  # noqa: PT017


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("no_plugins")
@pytest.mark.parametrize("path", RUN_GUIDES)
def test_a_guide_does_what_it_says(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    carry_out_code(path)
    check_commands(path, monkeypatch)


@pytest.mark.usefixtures("no_plugins")
@pytest.mark.parametrize("path", [one for one in DOCUMENTS if one not in GUIDES], ids=name_of)
def test_commands_of_documents_are_understood(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_commands(path, monkeypatch)


def test_commands_of_documents_are_found() -> None:
    assert sum(len(list(command_lines(path))) for path in DOCUMENTS) > 35


def site() -> dict[str, Any]:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text.replace("!!python/object/apply:", "#"))
    return loaded


def pages_of(nav: Any) -> Iterator[str]:
    """The pages that the navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from pages_of(part)


def test_the_navigation_has_every_page() -> None:
    named = set(pages_of(site()["nav"]))
    made = {"reference/cli.md", "reference/settings.md"}
    made |= {f"tutorials/{path.stem}.md" for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    folders = ("", "howto", "tutorials", "reference", "explanation")
    pages = [path for one in folders for path in (DOCS / one).glob("*.md")]
    pages += (DOCS / "results").rglob("*.md")
    assert named == made | {path.relative_to(DOCS).as_posix() for path in pages}


def test_the_first_page_leads_to_every_example() -> None:
    linked = LINK.findall((DOCS / "index.md").read_text(encoding="utf-8"))
    folders = {(DOCS / name).resolve() for name, _ in linked}
    assert {run.path.resolve() for run in examples()} <= folders


def test_the_reference_has_every_module() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    modules = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    assert [name for name in modules if find_spec(name) is None] == []
    for package in IN_THE_REFERENCE:
        files = (ROOT / "reilab" / package).glob("[!_]*.py")
        assert {f"reilab.{package}.{path.stem}" for path in files} <= set(modules)
