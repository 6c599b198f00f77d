"""Tree: the levels of the command line, and options made from settings; tyro parses and draws them.

Words are followed one by one, so that nothing is imported for the commands beside, and the options
of a command may depend on what was asked for. tyro by itself would have all of them at hand first,
and knows no nearest match for a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import partial, reduce, wraps
from inspect import Parameter, Signature
from io import StringIO
from itertools import groupby
from operator import or_
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Annotated, Any, TypeAlias

import tyro

from reilab.settings import choose

ALWAYS = (
    "With --debug, anywhere, an error shows where it came from. "
    "`reilab --version` says which one this is."
)
#: What parts the lines of the boxes in which tyro tells what is wrong, in ASCII too.
RULE = " ─-"
NEAR = "Perhaps you meant"


@dataclass(frozen=True)
class Level:
    """Where one of several names is to be given.

    Args:
        names: each with what the help says of it.
        below: gives what a name stands for, which may look at the words after it; raises
            ``ValueError`` for a name that makes no sense.
    """

    names: Callable[[], Mapping[str, str]]
    below: Callable[[str, Sequence[str]], Node]


#: A level, or a command: a function whose parameters are its options.
Node: TypeAlias = Level | Callable[..., Any]


def commands(known: Mapping[str, tuple[str, str | Level]]) -> Level:
    """The level of such commands: what is said of each, and where it is, as ``module:name``."""

    def below(name: str, words: Sequence[str]) -> Any:
        target = known[choose("command", name, known)][1]
        return resolve_name(f"reilab.cli.{target}") if isinstance(target, str) else target

    return Level(lambda: {name: told for name, (told, _) in known.items()}, below)


def follow(node: Node, prog: str, words: Sequence[str]) -> None:
    """Follow the words to a command, and carry it out; tell what there is where they end early.

    Raises:
        ValueError: an unknown word, a malformed option, or what the command raises.
        SystemExit: help was asked for.
    """
    if not isinstance(node, Level):
        marks = (tyro.conf.PositionalMetavarFromFieldName,)
        _parsed(_held(node), prog=prog, args=words, config=marks)()
    elif words and not words[0].startswith("-"):
        name, *rest = words
        follow(node.below(name, rest), f"{prog} {name}", rest)
    else:
        names: list[Any] = [
            Annotated[Any, tyro.conf.subcommand(name, description=told, constructor=dict)]
            for name, told in node.names().items()
        ]
        _parsed(reduce(or_, names), prog=prog, args=words or ["--help"], description=ALWAYS)


def _held(command: Callable[..., Any]) -> Callable[..., Callable[[], Any]]:
    """The command as it is parsed, to be carried out once that is over."""
    return wraps(command)(lambda *values, **named: partial(command, *values, **named))


def _parsed(form: Any, **asked: Any) -> Any:
    """What tyro makes of the words.

    Raises:
        ValueError: they are refused; says why in one line.
        SystemExit: help was asked for.
    """
    box = StringIO()
    try:
        with redirect_stderr(box):
            return tyro.cli(form, **asked)
    except SystemExit as end:
        if not end.code:
            raise
    raise ValueError(f"{_refusal(box.getvalue())} `{asked['prog']} --help` tells what there is.")


def _refusal(box: str) -> str:
    """What tyro says in a box, without help texts; of options that may be meant, the names."""
    lines = [line[1:-1].strip() for line in box.splitlines()[1:-1]]
    groups = groupby(lines, lambda line: line.strip(RULE) != "")
    parts = [list(part) for is_text, part in groups if is_text] or [[box]]
    told = " ".join(" ".join(parts[0]).split()).rstrip(".")
    near = [line.split()[0] for part in parts[1:] if part[0].startswith(NEAR) for line in part[1:]]
    meant = [word for word in near if word.startswith("--")]
    return f"{told}. Did you mean {' or '.join(meant)}?" if meant else f"{told}."


def with_options(
    run: Callable[[Any], None], about: str, options: Iterable[Parameter]
) -> Callable[..., None]:
    """A command that hands its options, as attributes, to a function."""

    def command(**values: Any) -> None:
        run(SimpleNamespace(**values))

    signature = Signature(list(options))
    command.__doc__, command.__signature__ = about, signature  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}
    return command


def option(name: str, kind: Any, default: Any, told: str, flag: str | None = None) -> Parameter:
    """An option, which must be given if its default is ``Parameter.empty``.

    On the command line it is called as its attribute, unless there is a ``flag``.
    """
    annotation = Annotated[kind, tyro.conf.arg(help=told, name=flag)]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def settings_option(name: str, values: object) -> Parameter:
    """A dataclass of settings, each of which is an option, with these values as defaults."""
    return option(name, type(values), values, "", flag="")


def word_after(words: Sequence[str], flag: str, default: str) -> str:
    """The value of an option that must be known before the others: it sets their defaults."""
    for index, word in enumerate(words):
        if word == flag and index + 1 < len(words):
            return words[index + 1]
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return default
