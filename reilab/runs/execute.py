"""execute: carry out the run of a folder, from its start or from its last checkpoints."""

from __future__ import annotations

import contextlib

import torch

from reilab.disk import replace_text
from reilab.events import (
    Checkpointed,
    Command,
    Control,
    Evaluated,
    Event,
    Failed,
    Finished,
    Steered,
    Stopped,
)
from reilab.plain import to_json
from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.runs.config import checked, config_of
from reilab.runs.drive import Inbox, Sink, drive, nobody
from reilab.runs.fork import parent_of
from reilab.runs.kept import forget_after, keep_state, load_newest
from reilab.runs.repeat import Prompter
from reilab.runs.stream import Prepared, prepare
from reilab.training.checkpoint import save_checkpoint
from reilab.training.state import TrainState
from reilab.training.team import ALONE, Team


def execute(folder: RunFolder, *sinks: Sink, inbox: Inbox = nobody, team: Team = ALONE) -> History:
    """Train all methods of the run to the end; events go to the folder first, then to ``sinks``.

    Messages come from ``inbox`` and from the folder's own command log. A state is saved at every
    evaluation, when it is steered, and when the run is stopped; some evaluations stay for forks. In
    a team every process calls this; process 0 alone listens, writes and shows.

    Raises:
        Exception: whatever goes wrong is recorded as ``Failed`` before it is raised again.
    """
    mailbox, prompter, made = folder.inbox(), Prompter(folder), list[TrainState]()

    def messages() -> list[Command | Control]:
        sent = [one for one in mailbox.poll() if isinstance(one, Command | Control)]
        return team.told([*sent, *prompter.inbox(made), *inbox()] if team.rank == 0 else [])

    def restore(state: TrainState) -> None:
        if not load_newest(state, folder) and parent_of(folder):
            gone = folder.checkpoint(state.method)
            raise FileNotFoundError(f"{gone} is gone, where this fork begins; fork its parent anew")
        if team.rank == 0:
            forget_after(folder, state.method, state.step)
        made.append(state)

    try:
        prepared = prepare(checked(config_of(folder)), team, restore)
        saver = _saver(prepared, folder)
        on_gpu = prepared.problem.device.type == "cuda"
        gauges = [_gauge(folder, prepared.problem.device)] if on_gpu else []
        shown = (folder.record, saver, *gauges, *sinks) if team.rank == 0 else ()
        drive(prepared.run(), *shown, inbox=messages)
    except Exception as error:
        # The disk may be what failed.
        with contextlib.suppress(OSError):
            folder.record(Failed("", 0, f"{type(error).__name__}: {error}"))
        raise
    return folder.history()


def _gauge(folder: RunFolder, device: torch.device) -> Sink:
    """A sink that writes down now and then what the run holds of a GPU, in bytes."""

    def sink(event: Event) -> None:
        if isinstance(event, Evaluated):
            held = torch.cuda.memory_reserved(device)
            replace_text(folder.path / "memory.json", to_json({"gpu": held}))

    return sink


def _saver(prepared: Prepared, folder: RunFolder) -> Sink:
    """A sink that keeps states on disk; a state is at rest while its event is being shown."""
    config, failed = prepared.training, set[str]()

    def save(state: TrainState) -> None:
        save_checkpoint(state, folder.checkpoint(state.method))
        folder.record(Checkpointed(state.method, state.step, folder.checkpoint(state.method).name))

    def by_name(method: str) -> TrainState:
        return next(state for state in prepared.states if state.method == method)

    def sink(event: Event) -> None:
        match event:
            case Evaluated(method=method, step=step) | Steered(method=method, step=step):
                save(by_name(method))
                # Forks show what was steered at their step, so they must begin with it.
                if step % config.evaluate_every == 0:
                    keep_state(folder, method, step, config.evaluate_every, config.kept_states)
            case Finished(method=method):
                save(by_name(method))
            case Failed(method=method):
                # What was saved before the failure stays.
                failed.add(method)
            case Stopped():
                for state in prepared.states:
                    if state.method not in failed:
                        save(state)

    return sink
