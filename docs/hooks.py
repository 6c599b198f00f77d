"""What MkDocs cannot find in this folder: lessons, files of the repository, commands and settings.

`make docs` builds the site; `mkdocs.yml` says what is where. Pages link into the repository as they
would on a code host; what they link to, and nothing else of it, becomes a page of the site.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import MISSING, fields
from importlib.metadata import version
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any

import mathjax
import nbformat
import papermill
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

from reilab.cli.main import REILAB, main
from reilab.cli.tree import Level
from reilab.methods.registry import methods
from reilab.nets.registry import networks
from reilab.registry import Registered
from reilab.settings import Setting, settings_of
from reilab.tasks.registry import tasks
from reilab.training.config import TrainConfig

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
#: Lessons with their outputs, by a hash of all that they depend on; may be deleted.
EXECUTED = ROOT / ".lessons"
#: Parts of the package that no lesson computes with.
ELSEWHERE = {"lab", "cli", "batch"}
LINK = re.compile(r"\[((?:[^][]|\[[^][]*\])*)\]\((?![a-z]+:|#)([^)#\s]+)([^)]*)\)")
CODE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
LANGUAGES = {".py": "python", ".toml": "toml", ".yml": "yaml", ".j2": "jinja", ".ipynb": "json"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, then whatever of the repository any page links to."""
    made = {"reference/cli.md": command_page(), "reference/settings.md": settings_page()}
    for uri, content in chain(made.items(), lessons(config.extra["lessons"])):
        files.append(File.generated(config, uri, content=content))
    script = Path(mathjax.__file__).parent / "static/mathjax/es5/tex-svg.js"
    files.append(File.generated(config, "assets/tex-svg.js", abs_src_path=str(script)))
    todo = list(files.documentation_pages())
    while todo:
        page = todo.pop()
        for path in linked(page):
            if files.get_file_from_path(uri_of(path)) is None:
                files.append(repository_page(path, config))
                todo.append(files.src_uris[uri_of(path)])
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links into the repository lead to its pages here; folders have none."""
    here = source_of(page.file).parent

    def led(match: re.Match[str]) -> str:
        label, link, rest = match.groups()
        path = (here / link).resolve()
        if path.is_dir():
            return label
        if not inside(here, path):
            return match[0]
        return f"[{label}]({os.path.relpath(uri_of(path), Path(page.file.src_uri).parent)}{rest})"

    parts = CODE.split(markdown)
    parts[::2] = [LINK.sub(led, text) for text in parts[::2]]
    return "".join(parts)


def source_of(file: File) -> Path:
    """Where a page lies in the repository; one that is made lies here."""
    return Path(file.abs_src_path) if file.abs_src_path else DOCS / file.src_uri


def linked(file: File) -> Iterator[Path]:
    """The files that a page links to and MkDocs does not find by itself.

    Raises:
        PluginError: one of them is not there.
    """
    here = source_of(file).parent
    for _, link, _ in LINK.findall(CODE.sub("", file.content_string)):
        path = (here / link).resolve()
        if inside(here, path) and not path.is_dir():
            if not path.is_file():
                raise PluginError(f"{file.src_uri}: {link} is no file of the repository")
            yield path


def inside(here: Path, path: Path) -> bool:
    """Whether a link from a folder leads into the repository, and not from this folder to it."""
    both = here.is_relative_to(DOCS) and path.is_relative_to(DOCS)
    return path.is_relative_to(ROOT) and not both


def uri_of(path: Path) -> str:
    """What a file of the repository is called here."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    if path.parent == ROOT / "notebooks" and path.stem[:2].isdigit():
        return f"tutorials/{path.stem}.md"
    name = path.relative_to(ROOT).as_posix()
    return f"repository/{name}" if path.suffix in (".md", ".png") else f"repository/{name}.md"


def repository_page(path: Path, config: MkDocsConfig) -> File:
    """A file of the repository as a page: documents as they are, others as text."""
    uri = uri_of(path)
    if uri.endswith(path.name):
        return File.generated(config, uri, abs_src_path=str(path))
    text = path.read_text(encoding="utf-8")
    name, language = path.relative_to(ROOT).as_posix(), LANGUAGES.get(path.suffix, "text")
    return File.generated(config, uri, content=f"# {name}\n\n````{language}\n{text}\n````\n")


def lessons(small: Mapping[str, Any]) -> Iterator[tuple[str, str | bytes]]:
    """The course as pages with their pictures.

    Args:
        small: parameters, of which each lesson gets those that it has.
    """
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        known = papermill.inspect_notebook(str(path))
        given = {name: value for name, value in small.items() if name in known}
        notebook = nbformat.read(executed(path, given), as_version=4)
        notebook.cells = [
            cell for cell in notebook.cells if "injected-parameters" not in tags(cell)
        ]
        text, resources = MarkdownExporter().from_notebook_node(notebook, {"unique_key": path.stem})
        text = text.replace("![png](", "![What the code above draws](")
        told = ", ".join(f"`{name} = {value!r}`" for name, value in given.items())
        title, _, rest = text.lstrip().partition("\n")
        # A formula of its own is a paragraph of its own.
        rest = re.sub(r"\$\$(.+?)\$\$", r"\n\n$$\n\1\n$$\n\n", rest, flags=re.DOTALL)
        note = f"!!! note\n    Run with {told}; what is said of figures is meant for the defaults."
        yield f"tutorials/{path.stem}.md", f"{title}\n\n{note}\n\n{rest}"
        for name, picture in resources["outputs"].items():
            yield f"tutorials/{name}", picture


def tags(cell: Any) -> Iterable[str]:
    """The tags of a cell."""
    found: Iterable[str] = cell.metadata.get("tags", ())
    return found


def executed(path: Path, given: Mapping[str, Any]) -> Path:
    """The notebook with its outputs, from before if neither it nor the package has changed."""
    package = (ROOT / "reilab").rglob("*.py")
    used = [one for one in package if one.relative_to(ROOT).parts[1] not in ELSEWHERE]
    content = hashlib.sha256(repr((sorted(given.items()), version("torch"))).encode())
    for one in (path, *sorted(used)):
        content.update(one.read_bytes())
    result = EXECUTED / f"{path.stem}-{content.hexdigest()[:16]}.ipynb"
    if not result.exists():
        EXECUTED.mkdir(exist_ok=True)
        unfinished = result.with_suffix(".unfinished")
        papermill.execute_notebook(
            str(path), str(unfinished), dict(given), kernel_name="python3", progress_bar=False
        )
        unfinished.rename(result)
    return result


def command_page() -> str:
    """What every command says of itself, as it would in a terminal."""
    os.environ.update(COLUMNS="98", NO_COLOR="1")
    parts = ["# Command line\n", "Each answers to `--help`; this is what they say.\n"]
    for words in (["reilab"], *commands(REILAB, ("reilab",))):
        box = StringIO()
        with redirect_stdout(box), suppress(SystemExit):
            main([*words[1:], "--help"])
        text = "".join(f"    {line}\n" for line in ["```text", *box.getvalue().splitlines(), "```"])
        parts.append(f'## {" ".join(words)}\n\n??? info "`{" ".join(words)} --help`"\n{text}')
    return "\n".join(parts)


def commands(level: Level, before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All command lines below a level, and the levels between."""
    for name in level.names():
        words = (*before, name)
        yield words
        below = level.below(name, [])
        if isinstance(below, Level):
            yield from commands(below, words)


def settings_page() -> str:
    """Every setting of tasks, networks, methods and training, from the registries."""
    kinds: Mapping[str, Mapping[str, Registered]] = {
        "Task": tasks(), "Network": networks(), "Method": methods(),
    }  # fmt: skip
    entries = [
        (f"{kind} `{n}`", one.spec) for kind, known in kinds.items() for n, one in known.items()
    ]
    parts = [
        "# Settings\n",
        "Fields of dataclasses, options of the command line (`--learning-rate`), controls of the "
        "page and of notebooks: one list. A preset may have other values than these defaults.\n",
    ]
    for title, spec in [*entries, ("Training", TrainConfig)]:
        summary = (spec.__doc__ or "").strip().splitlines()[0]
        parts += [
            f"## {title}\n",
            f"{summary}\n",
            "| setting | default | range | unit | what it is |",
        ]
        parts += ["|---|---|---|---|---|", *rows(spec), ""]
    return "\n".join(parts)


def rows(spec: Any) -> Iterator[str]:
    """A line of a table for each field of a dataclass."""
    defaults = {one.name: one.default for one in fields(spec)}
    for name, setting in settings_of(spec).items():
        default = "" if defaults[name] is MISSING else f"`{defaults[name]!r}`"
        told = [f"`{name}`", default, range_of(setting), setting.unit, setting.help]
        yield f"| {' | '.join(one.replace('|', chr(92) + '|') for one in told)} |"


def range_of(setting: Setting) -> str:
    """The values that a setting may have, in words."""
    if setting.choices:
        return ", ".join(f"`{name}`" for name in setting.choices)
    least = (
        "above 0" if setting.positive else "" if setting.low is None else f"from {setting.low:g}"
    )
    most = "" if setting.high is None else f"to {setting.high:g}"
    step = f"multiples of {setting.multiple_of}" if setting.multiple_of else ""
    return ", ".join(filter(None, (f"{least} {most}".strip(), step)))
