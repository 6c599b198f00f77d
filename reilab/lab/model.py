"""Lab: the state of one session. It has no widgets, and drives the page and the notebooks alike."""

from __future__ import annotations

from pathlib import Path

import param
import torch

from reilab.events import Continue, Control, Event, Pause, Posed, Refused, Stop
from reilab.lab import steering
from reilab.runs import jobs
from reilab.runs.config import USUAL_METHODS, RunConfig, configure, from_yaml
from reilab.runs.folder import RunFolder, list_runs
from reilab.runs.history import History
from reilab.runs.jobs import LIVE, RESUMABLE, Standing, Status
from reilab.settings import Setting, choose, settings_of
from reilab.tasks.registry import Task, find_task, tasks
from reilab.training.config import TrainConfig
from reilab.training.methods import METHODS

#: The numbers that go into ``TrainConfig`` under their own names.
TRAINING = (*steering.TRAINED, "steps", "seed")


class Lab(param.Parameterized):
    """What a person has chosen, and the run that they look at; runs live below ``root``.

    The numbers have no bounds here: a wrong one is refused by ``config``, with the reason.
    """

    task = param.Selector(doc="What to reconstruct, and from which measurements.")
    preset = param.Selector(doc="Image size, network and training settings to start from.")
    methods = param.ListSelector(
        default=list(USUAL_METHODS), objects=list(METHODS), doc="Trained side by side."
    )
    noise = param.Parameter()
    same_noise = param.Boolean(default=True, doc="The losses believe in the true noise level.")
    assumed_noise = param.Parameter(doc="The noise level that the losses believe in.")
    alpha_mc, alpha_eq = param.Parameter(), param.Parameter()
    alpha_sure, alpha_req = param.Parameter(), param.Parameter()
    learning_rate = param.Parameter()
    steps = param.Parameter()
    seed = param.Parameter()
    device = param.Selector(doc="Where to train.")
    run = param.String(default="", doc="Name of the run that is shown, empty before the first.")
    standing = param.ClassSelector(class_=Standing, default=Standing(Status.STOPPED))
    message = param.String(default="", doc="Why the last change was not passed on to the run.")

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.history = History()
        self._outbox: list[Control] = []
        self._heard = False
        devices = [*(f"cuda:{index}" for index in range(torch.cuda.device_count())), "cpu"]
        self.param.device.objects = devices
        self.param.task.objects = list(tasks())
        self.param.update(device=devices[0], task=next(iter(tasks())))

    # What is asked for

    @property
    def chosen_task(self) -> Task:
        """The registered task that is chosen."""
        return find_task(self.task)

    def setting(self, name: str) -> Setting:
        """Help, unit and bounds of a number, as its owner states them."""
        if name in ("noise", "assumed_noise"):
            return self.chosen_task.settings[self.chosen_task.noise]
        return settings_of(TrainConfig)[name]

    @param.depends("task", watch=True)
    def _choose_task(self) -> None:
        presets = list(self.chosen_task.presets)
        self.param.preset.objects = presets
        if self.preset in presets:
            self._choose_preset()
        else:
            self.preset = "quick"

    @param.depends("preset", watch=True)
    def _choose_preset(self) -> None:
        self._show_numbers(configure(self.task, self.preset))

    @param.depends("noise", "same_noise", watch=True)
    def _link_noise(self) -> None:
        if self.same_noise:
            self.assumed_noise = self.noise

    def _show_numbers(self, config: RunConfig) -> None:
        # Settings without a control of their own are taken over from here.
        self._base = config
        self.param.update(
            noise=config.noise,
            same_noise=config.assumed_noise == config.noise,
            assumed_noise=config.assumed_noise,
            **{name: getattr(config.training, name) for name in TRAINING},
        )

    def config(self) -> RunConfig:
        """The run that is asked for.

        Raises:
            ValueError: something is unknown or out of bounds; says what, and the remedy.
        """
        settings = dict(vars(self._base.spec)) | {self.chosen_task.noise: self.noise}
        training = dict(vars(self._base.training)) | {n: getattr(self, n) for n in TRAINING}
        return configure(
            self.task,
            self.preset,
            [name for name in METHODS if name in self.methods],
            settings=settings,
            training=training,
            assumed_noise=self.assumed_noise,
            device=self.device,
        )

    # The run that is shown

    @property
    def live(self) -> bool:
        """Whether a process is at work on the run, paused or not."""
        return bool(self.run) and self.standing.status in LIVE

    @property
    def resumable(self) -> bool:
        """Whether the run ended before its last step."""
        return bool(self.run) and self.standing.status in RESUMABLE

    def runs(self) -> list[str]:
        """Names of all runs, newest first."""
        return [folder.name for folder in list_runs(self.root)]

    def train(self) -> None:
        """Start a new run in a process of its own, and look at it.

        Raises:
            ValueError: see ``config``; nothing is started.
            RuntimeError: the run that is shown is still going.
        """
        if self.live:
            raise RuntimeError("This run is still going: stop it before you start another.")
        config = self.config()
        self._look_at(jobs.submit(config, self.root), config)
        self._heard = False

    def open(self, name: str) -> None:
        """Look at a run, whoever started it, and take its settings over.

        Raises:
            ValueError: there is no run of that name, or its task is not known here.
        """
        folder = RunFolder(self.root / choose("run", name, self.runs()))
        config = from_yaml(folder.config)
        self._look_at(folder, config)
        self._heard, self._told = True, self._known()
        self._show_asked()
        self.poll()

    def pause(self) -> None:
        """Pause the run, or let a paused one go on."""
        paused = self.standing.status is Status.PAUSED
        self._outbox.append(Continue() if paused else Pause())

    def stop(self) -> None:
        """Stop the run; it can be resumed."""
        self._outbox.append(Stop())

    def resume(self) -> None:
        """Go on with a run that ended early, with the numbers that were changed since.

        Raises:
            RuntimeError: a process is at work on it already.
        """
        # What was sent just before the end may not have been heard.
        self._told = self._known()
        if not self._controls_fit():
            self._show_asked()
        jobs.start_worker(self._folder)
        self._heard = False
        self.standing = Standing(Status.STARTING)

    def poll(self) -> list[Event]:
        """Fold in what has happened, and pass on what was asked for, since the last call."""
        if not self.run:
            return []
        events: list[Event] = self._follower.poll()
        for event in events:
            self.history.add(event)
            self._heard = self._heard or isinstance(event, Posed)
            if isinstance(event, Refused):
                self.message = event.message
        now = jobs.standing(self._folder, self.history) if events or self.live else self.standing
        if now != self.standing:
            self.standing = now
        # A worker hears only what is sent after it has begun to listen.
        if self.live and self._heard and set(self._asked.methods) <= self.history.tracks.keys():
            self._steer()
            for control in self._outbox:
                self._folder.send(control)
            self._outbox.clear()
        return events

    def _look_at(self, folder: RunFolder, asked: RunConfig) -> None:
        self._folder, self._asked, self._told = folder, asked, steering.numbers_at_start(asked)
        self._follower, self.history = folder.follow(), History()
        self._outbox.clear()
        self.param.update(run=folder.name, standing=Standing(Status.STARTING), message="")

    def _known(self) -> dict[str, float]:
        """The numbers that the run has by its own log."""
        return steering.numbers_at_start(self._asked) | steering.numbers_since(
            self._folder.events()
        )

    def _show_asked(self) -> None:
        """Set every control to what the run has, with its steering so far."""
        asked, told = self._asked, self._told
        self.task, self.preset, self.methods = asked.task, asked.preset, list(asked.methods)
        known = self.param.device.objects
        self.device = next((name for name in known if name.startswith(asked.device)), known[-1])
        self._show_numbers(asked)
        self.param.update(same_noise=told["assumed_noise"] == asked.noise, **told)

    def _controls_fit(self) -> bool:
        """Whether the controls differ from the run in nothing but what can be steered."""
        try:
            mine = self.config()
        except ValueError:
            return False
        return steering.equal_but_for_steering(mine, self._asked)

    def _steer(self) -> None:
        """Send the numbers that differ from what the run has been told."""
        changed = [name for name in steering.STEERABLE if getattr(self, name) != self._told[name]]
        if not changed:
            return
        try:
            self.config()
        except ValueError as error:
            self.message = str(error)
            return
        self.message = ""
        terms = {term for track in self.history.tracks.values() for term in track.started.weights}
        for name in changed:
            self._told[name] = getattr(self, name)
            for command in steering.commands(name, self._told[name], terms):
                self._folder.send(command)
