"""What MkDocs cannot find in this folder: lessons, files of the repository, commands and settings.

`make docs` builds the site; `mkdocs.yml` says what is where. Pages link into the repository as they
would on a code host; what they link to, and nothing else of it, becomes a page of the site: a file
as it is, the folder of a run as its report, which is scrubbed and swiped.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import fields
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
from reilab.record.folder import RunFolder
from reilab.runs.report import report_html
from reilab.settings import Setting, settings_of
from reilab.tasks.registry import tasks
from reilab.training.config import TrainConfig

DOCS, ROOT = Path(__file__).resolve().parents[:2]
#: Lessons with their outputs, by a hash of all that they depend on; may be deleted.
EXECUTED = ROOT / ".lessons"
#: Parts of the package that no lesson computes with.
ELSEWHERE = {"lab", "cli", "batch"}
HEAD = "| setting | default | range | what it is |\n|---|---|---|---|"
LINK = re.compile(r"\[((?:[^][]|\[[^][]*\])*)\]\((?![a-z]+:|#)([^)#\s]+)([^)]*)\)")
CODE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
#: What a browser would fetch from another host by itself.
FETCHED = re.compile(r'<(?:script|img|iframe|link)[^>]*? (?:src|href)="(https?:[^"]*)')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, then whatever of the repository any page links to."""
    made = {"reference/cli.md": command_page(), "reference/settings.md": settings_page()}
    for uri, content in chain(made.items(), lessons(config.extra["lessons"])):
        files.append(File.generated(config, uri, content=content))
    script = Path(mathjax.__file__).parent / "static/mathjax/es5/tex-svg.js"
    files.append(File.generated(config, "assets/tex-svg.js", abs_src_path=str(script)))
    todo = list(files.documentation_pages())
    while todo:
        for path in linked(todo.pop()):
            if uri_of(path) not in files.src_uris:
                files.append(repository_page(path, config))
                if not is_run(path):
                    todo.append(files.src_uris[uri_of(path)])
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links into the repository lead to its pages here; most folders have none."""
    here = folder_of(page.file)

    def led(match: re.Match[str]) -> str:
        label, link, rest = match.groups()
        path = (here / link).resolve()
        if path.is_dir() and not is_run(path):
            return label
        if not inside(here, path):
            return match[0]
        return f"[{label}]({os.path.relpath(uri_of(path), Path(page.file.src_uri).parent)}{rest})"

    parts = CODE.split(markdown)
    parts[::2] = [LINK.sub(led, text) for text in parts[::2]]
    return "".join(parts)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """See that reading a page asks no other host for anything."""
    if FETCHED.search(output):
        raise PluginError(f"{page.file.src_uri} fetches {FETCHED.findall(output)} when it is read")
    return output


def folder_of(file: File) -> Path:
    """Where a page lies in the repository; one that is made lies here."""
    return (Path(file.abs_src_path) if file.abs_src_path else DOCS / file.src_uri).parent


def linked(file: File) -> Iterator[Path]:
    """The files that a page links to and MkDocs does not find by itself."""
    here = folder_of(file)
    for _, link, _ in LINK.findall(CODE.sub("", file.content_string)):
        path = (here / link).resolve()
        if inside(here, path) and (is_run(path) or not path.is_dir()):
            yield path


def inside(here: Path, path: Path) -> bool:
    """Whether a link from a folder leads into the repository, and not from these pages to them."""
    both = here.is_relative_to(DOCS) and path.is_relative_to(DOCS)
    return path.is_relative_to(ROOT) and not both


def is_run(path: Path) -> bool:
    """Whether a folder is that of an example."""
    return path.parent == ROOT / "data" / "examples"


def uri_of(path: Path) -> str:
    """What a file of the repository, or a run, is called here."""
    if is_run(path):
        return f"replay/{path.name}.html"
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    if path.parent == ROOT / "notebooks":
        return f"tutorials/{path.stem}.md"
    name = path.relative_to(ROOT).as_posix()
    return f"repository/{name}" if path.suffix == ".md" else f"repository/{name}.md"


def repository_page(path: Path, config: MkDocsConfig) -> File:
    """A file of the repository as a page: documents as they are, runs as reports, all else text."""
    if is_run(path):
        return File.generated(config, uri_of(path), content=report_html(RunFolder(path)))
    if path.suffix == ".md":
        return File.generated(config, uri_of(path), abs_src_path=str(path))
    name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    page = f"# {name}\n\n````{path.suffix[1:]}\n{text}\n````\n"
    return File.generated(config, uri_of(path), content=page)


def lessons(small: Mapping[str, Any]) -> Iterator[tuple[str, str | bytes]]:
    """The notebooks as pages with their pictures; those of the course are carried out.

    Args:
        small: parameters, of which each lesson gets those that it has.
    """
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        known = papermill.inspect_notebook(str(path))
        given = {name: value for name, value in small.items() if name in known}
        notebook = nbformat.read(executed(path, given) if path.stem[0].isdigit() else path, 4)
        notebook.cells = [
            c for c in notebook.cells if "injected-parameters" not in c.metadata.get("tags", ())
        ]
        text, resources = MarkdownExporter().from_notebook_node(notebook, {"unique_key": path.stem})
        text = text.replace("![png](", "![What the code above draws](")
        # A formula of its own is a paragraph of its own.
        text = re.sub(r"\$\$(.+?)\$\$", r"\n\n$$\n\1\n$$\n\n", text, flags=re.DOTALL)
        title, _, rest = text.lstrip().partition("\n")
        told = ", ".join(f"`{n} = {value!r}`" for n, value in given.items() if n != "interactive")
        if told:
            note = f"Here it ran with {told}; figures in the text are those of its first cell."
            rest = f"\n!!! note\n    {note}\n{rest}"
        yield f"tutorials/{path.stem}.md", f"{title}\n{rest}"
        for name, picture in resources["outputs"].items():
            yield f"tutorials/{name}", picture


def executed(path: Path, given: Mapping[str, Any]) -> Path:
    """The notebook with its outputs, from before if neither it nor the package has changed."""
    content = hashlib.sha256(repr((sorted(given.items()), version("torch"))).encode())
    for one in (path, *sorted((ROOT / "reilab").rglob("*.py"))):
        if one.relative_to(ROOT).parts[1] not in ELSEWHERE:
            content.update(one.read_bytes())
    result = EXECUTED / f"{path.stem}-{content.hexdigest()[:16]}.ipynb"
    if not result.exists():
        EXECUTED.mkdir(exist_ok=True)
        unfinished = str(result.with_stem("unfinished"))
        papermill.execute_notebook(
            path, unfinished, dict(given), kernel_name="python3", progress_bar=False
        )
        os.replace(unfinished, result)
    return result


def command_page() -> str:
    """What every command says of itself, as it would in a terminal."""
    os.environ.update(COLUMNS="98", NO_COLOR="1")
    parts = ["# Command line\n", "Each answers to `--help`; this is what they say.\n"]
    for words in ("reilab", *commands(REILAB, "reilab")):
        box = StringIO()
        with redirect_stdout(box), suppress(SystemExit):
            main([*words.split()[1:], "--help"])
        lines = "".join(f"    {line.rstrip()}\n" for line in box.getvalue().splitlines())
        parts.append(f'## {words}\n\n??? info "`{words} --help`"\n    ```text\n{lines}    ```\n')
    return "\n".join(parts)


def commands(level: Level, before: str) -> Iterator[str]:
    """All command lines below a level, and the levels between."""
    for name in level.names():
        yield f"{before} {name}"
        below = level.below(name, [])
        if isinstance(below, Level):
            yield from commands(below, f"{before} {name}")


def settings_page() -> str:
    """Every setting of tasks, networks, methods and training, from the registries."""
    kinds: list[tuple[str, Mapping[str, Any]]] = [
        ("Task", tasks()),
        ("Network", networks()),
        ("Method", methods()),
    ]
    specs = {f"{kind} `{n}`": one.spec for kind, known in kinds for n, one in known.items()}
    parts = [
        "# Settings\n\nFields of dataclasses, options of the command line (`--learning-rate`), "
        "controls of the page and of notebooks. A preset may have other values than these defaults."
    ]
    for title, spec in (specs | {"Training": TrainConfig}).items():
        summary = (spec.__doc__ or "").strip().splitlines()[0]
        parts.append(f"\n## {title}\n\n{summary}\n\n{HEAD}")
        defaults = {one.name: f"`{one.default!r}`" for one in fields(spec)}
        for name, setting in settings_of(spec).items():
            about = setting.help.replace("|", "\\|")
            parts.append(f"| `{name}` | {defaults[name]} | {range_of(setting)} | {about} |")
    return "\n".join(parts)


def range_of(setting: Setting) -> str:
    """The values that a setting may have, in words, with their unit."""
    if setting.choices:
        return ", ".join(f"`{name}`" for name in setting.choices)
    least = (
        "above 0" if setting.positive else "" if setting.low is None else f"from {setting.low:g}"
    )
    most = "" if setting.high is None else f"to {setting.high:g}"
    step = f"in steps of {setting.multiple_of}" if setting.multiple_of else ""
    return " ".join(filter(None, (least, most, step, setting.unit)))
