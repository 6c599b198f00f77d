"""Run folders that are torn, garbled, or of somebody else's making: what is done with them holds.

A run that was stopped in the middle lies beside a finished one. One file of it is damaged, and then
both are listed, shown, exported, opened as by a page, and gone on with. Nothing may end in anything
but one line, the other run must be as it was, and who goes on must come to the same digits, unless
what was asked for is what was damaged.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from benchmarks.faults import Attack
from reilab.cli.main import main
from reilab.events import Command, Control, Stepped, Stop
from reilab.lab.model import Lab
from reilab.lab.view import View
from reilab.record.folder import RunFolder
from reilab.record.notes import Notes, write_notes
from reilab.runs import jobs
from reilab.runs.config import RunConfig, configure
from reilab.runs.execute import execute
from reilab.runs.library import Library

SUBJECT = "damaged run folders"
COUNT = 500
#: One in so many is exported.
EXPORTED = 5
#: The damaged run, and the one beside it.
HURT, OTHER = "hurt", "other"
METHODS = ("ei", "rei")
TRAINING = {"steps": 4, "log_every": 1, "evaluate_every": 2, "kept_states": 2, "previews": 1}
#: Files that say what is trained; all others must not change the digits.
ASKED = ("config.yaml",)
Damage = Callable[[random.Random, Path], object]
#: The weights of networks as bytes, by method and name.
Digits = dict[str, dict[str, bytes]]


def config() -> RunConfig:
    """A run that takes a moment."""
    return configure("mri", "smoke", METHODS, settings={"size": 32}, training=TRAINING)


def write_runs(root: Path) -> Digits:
    """The run that is stopped in the middle and the finished one; the digits both must come to."""
    other = RunFolder.create(root / OTHER, config().to_yaml())
    execute(other)
    hurt = RunFolder.create(root / HURT, config().to_yaml())
    told: list[object] = []

    def inbox() -> list[Command | Control]:
        return [Stop()] if sum(isinstance(one, Stepped) for one in told) >= 3 * len(METHODS) else []

    execute(hurt, told.append, inbox=inbox)
    write_notes(hurt, Notes("a remark", pinned=True))
    hurt.send(Stop())
    (hurt.path / "worker.json").write_text('{"pid": 1, "began": 5.0, "ended": true}')
    (root / "queue.json").write_text("[]")
    return digits(other)


def digits(folder: RunFolder) -> Digits:
    """The weights of the networks that a run has come to."""
    found = {name: load_file(folder.checkpoint(name)) for name in METHODS}
    return {
        name: {key: tensor.tobytes() for key, tensor in tensors.items() if "network" in key}
        for name, tensors in found.items()
    }


def _cut(rng: random.Random, file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: rng.randrange(len(content) + 1)])


def _garble(rng: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(rng.choice((1, 1, 4)) if content else 0):
        content[rng.randrange(len(content))] = rng.randrange(256)
    file.write_bytes(content)


def _zeros(rng: random.Random, file: Path) -> None:
    """What some file systems leave after a power cut: the length is right, the end is not."""
    content = file.read_bytes()
    start = rng.randrange(len(content) + 1)
    file.write_bytes(content[:start] + bytes(len(content) - start))


def _twice(rng: random.Random, file: Path) -> None:
    content = file.read_bytes()
    start = rng.randrange(len(content) + 1)
    file.write_bytes(content[:start] + content)


def _folder(rng: random.Random, file: Path) -> None:
    file.unlink()
    file.mkdir()


def _write(text: str | bytes) -> Damage:
    content = text.encode() if isinstance(text, str) else text
    return lambda rng, file: file.write_bytes(content)


def _insert(line: bytes) -> Damage:
    def damage(rng: random.Random, file: Path) -> None:
        lines = file.read_bytes().splitlines(keepends=True)
        lines.insert(rng.randrange(len(lines) + 1), line)
        file.write_bytes(b"".join(lines))

    return damage


def _replace(old: str, new: str) -> Damage:
    return lambda rng, file: file.write_text(file.read_text().replace(old, new))


def _append(content: bytes) -> Damage:
    return lambda rng, file: file.write_bytes(file.read_bytes() + content)


#: What may befall any file.
ANYWHERE: dict[str, Damage] = {
    "cut": _cut,
    "garbled": _garble,
    "zeros": _zeros,
    "twice": _twice,
    "empty": _write(""),
    "gone": lambda rng, file: file.unlink(),
    "a folder": _folder,
    "noise": lambda rng, file: file.write_bytes(rng.randbytes(200)),
}
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
#: What somebody may write into them, by name, file and how.
SPECIAL: tuple[tuple[str, str, Damage], ...] = (
    ("a torn line", "events.jsonl", _append(b'{"is":"Stepped","method":"ei","st')),
    ("a newer event", "events.jsonl", _insert(b'{"is":"Dreamt","method":"ei","step":3}\n')),
    ("a newer field", "events.jsonl", _insert(b'{"is":"Paused","why":"tea"}\n')),
    ("a blank line", "events.jsonl", _insert(b"\n")),
    ("nested", "events.jsonl", _insert(b"[" * 100_000 + b"\n")),
    ("a list", "events.jsonl", _insert(b"[]\n")),
    ("half a letter", "events.jsonl", _insert(
        b'{"is":"Failed","method":"","step":0,"message":"\\ud800"}\n')),
    ("a huge step", "events.jsonl", _insert(
        b'{"is":"Finished","method":"ei","step":1' + b"0" * 40 + b"}\n")),
    ("images elsewhere", "events.jsonl", _replace("previews/", "../../other/previews/")),
    ("renamed losses", "events.jsonl", _replace('"sure"', '"sureness"')),
    ("renamed methods", "events.jsonl", _replace('"rei"', '"../rei"')),
    ("no seals", "events.jsonl", lambda rng, file: file.write_text("".join(
        json.dumps({k: v for k, v in json.loads(line).items() if k != "seal"}) + "\n"
        for line in file.read_text().splitlines()))),
    ("a strange command", "commands.jsonl", _append(b'{"is":"Finished","method":"ei","step":3}\n')),
    ("a list", "config.yaml", _write("[1, 2]")),
    ("broken", "config.yaml", _write("task: [")),
    ("aliases", "config.yaml", _write(BOMB)),
    ("nested", "config.yaml", _write("[" * 20_000)),
    ("no methods", "config.yaml", lambda rng, file: file.write_text(
        file.read_text().split("methods:")[0] + "methods: null\ntraining: {}\n")),
    ("an unknown task", "config.yaml", _replace("task: mri", "task: sonar")),
    ("an unknown device", "config.yaml", _replace("device: cpu", "device: cuda:7")),
    ("a date", "config.yaml", _replace("seed: 0", "seed: 2020-01-01")),
    ("log_every 0", "config.yaml", _replace("log_every: 1", "log_every: 0")),
    ("an object", "config.yaml", _append(b"x: !!python/object/apply:os.system ['true']\n")),
)  # fmt: skip


def damages(rng: random.Random, count: int, folder: Path) -> Iterator[tuple[str, str, Damage]]:
    """``count`` of them by name and file: those with a name of their own first."""
    there = [file.relative_to(folder) for file in folder.rglob("*") if file.is_file()]
    files = sorted(str(file) for file in there if file.suffix not in (".lock", ".png"))
    files.append("../queue.json")
    first = [
        *SPECIAL,
        *(("no such folder", f"{name}/", _drop) for name in ("previews", "checkpoints")),
    ]
    rng.shuffle(first)
    yield from first[:count]
    for _ in range(count - len(first)):
        name = rng.choice(list(ANYWHERE))
        # Half of them on the log, which is where a run is cut off.
        yield name, rng.choice((*files, *["events.jsonl"] * len(files))), ANYWHERE[name]


def _drop(rng: random.Random, folder: Path) -> None:
    shutil.rmtree(folder)


def attacks(rng: random.Random, count: int, scratch: Path) -> Iterator[Attack]:
    """Each on a copy of the two runs."""
    whole = scratch / "whole"
    expected = write_runs(whole)
    for number, (name, file, damage) in enumerate(damages(rng, count, whole / HURT)):
        root, own = scratch / f"{number}", random.Random(rng.random())

        def strike(root: Path = root, own: random.Random = own, file: str = file,
                   number: int = number, damage: Damage = damage) -> str | None:  # fmt: skip
            shutil.copytree(whole, root)
            try:
                damage(own, root / HURT / file)
                exported = not number % EXPORTED
                return wrong(root, expected, asked=file in ASKED, exported=exported)
            finally:
                shutil.rmtree(root)

        yield Attack(f"{number}: {file} {name}", strike)


def wrong(root: Path, expected: Digits, asked: bool, exported: bool) -> str | None:
    """What does not hold of two runs, one of them damaged.

    Args:
        root: where they are.
        expected: the digits to come to, see ``digits``.
        asked: whether what was asked for is damaged, so that others may come out.
        exported: whether to write the report, too, which takes longer than all the rest.
    """
    before = {file: file.read_bytes() for file in (root / OTHER).rglob("*") if file.is_file()}
    there = (root / HURT / "config.yaml").is_file()
    listed = _told(["runs", "list"], root)
    if OTHER not in listed or (there and HURT not in listed):
        return f"not listed: {listed}"
    commands = [["show", HURT], ["show", OTHER]]
    if exported:
        commands.append(["export", HURT, "--out", str(root / "out")])
    for words in commands:
        told = _told(["runs", *words], root)
        if told.count("error:") > 1 or (words[1] == OTHER and "error:" in told):
            return f"{words}: {told}"
    entries = {entry.name: entry for entry in Library(root).entries()}
    if OTHER not in entries or (there and HURT not in entries) or entries[OTHER].troubles:
        return f"not in the page's list: {entries}"
    _look(root)
    if fault := _go_on(root, expected, asked):
        return fault
    after = {file: file.read_bytes() for file in (root / OTHER).rglob("*") if file.is_file()}
    return None if before == after else "the other run is not as it was"


def _told(words: list[str], root: Path) -> str:
    """What a command prints; it must end by itself, or with one line."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), _runs_below(root):
        try:
            main(words)
        except SystemExit as end:
            if end.code not in (1, 2):
                raise
    return out.getvalue()


@contextlib.contextmanager
def _runs_below(root: Path) -> Iterator[None]:
    import os

    before = os.environ.get("REILAB_RUNS")
    os.environ.update(REILAB_RUNS=str(root), COLUMNS="300")
    try:
        yield
    finally:
        os.environ.pop("REILAB_RUNS") if before is None else os.environ.update(REILAB_RUNS=before)


def _look(root: Path) -> None:
    """Open the damaged run as a page does."""
    from reilab.lab.actions import actions
    from reilab.lab.content import content_of
    from reilab.lab.markup import standing_html

    lab, look = Lab(root), View()
    with contextlib.suppress(ValueError, OSError):
        lab.open(HURT)
    lab.poll()
    actions(lab, look)
    standing_html(lab)
    if lab.history.posed:
        scene = content_of(lab.run, lab.history, look).scene
        [scene.pixels(shot) for shot in scene.panes]
        np.asarray(scene.end)


def _go_on(root: Path, expected: Digits, asked: bool) -> str | None:
    folder = RunFolder(root / HURT)
    try:
        with jobs.at_work(folder):
            history = execute(folder)
    except (ValueError, OSError, RuntimeError) as error:
        return f"not in one line: {error}" if "\n" in str(error) else None
    if not history.finished:
        return None if asked else "it went on and is not finished"
    return None if asked or digits(folder) == expected else "it went on to other digits"
