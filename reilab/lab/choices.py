"""Choices: what a person asks for, setting by setting, until it becomes a ``RunConfig``."""

from __future__ import annotations

from typing import Any

import param
import torch

from reilab.lab import steering
from reilab.runs.config import USUAL_METHODS, RunConfig, configure
from reilab.settings import Setting, field_types, settings_of
from reilab.tasks.registry import Task, find_task, tasks
from reilab.training.config import TrainConfig
from reilab.training.methods import METHODS

#: The numbers that go into ``TrainConfig`` under their own names.
TRAINING = (*steering.TRAINED, "steps", "seed")
#: All that has a parameter, and so a control, of its own.
OWN = ("methods", "noise", "same_noise", "assumed_noise", *TRAINING, "device")


class Choices(param.Parameterized):
    """The settings of the next run, or of the run that is shown.

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
    further = param.Dict(default={}, doc="Settings that have no parameter of their own, by name.")

    def __init__(self) -> None:
        super().__init__()
        self._usual: Choices | None = None
        devices = [*(f"cuda:{index}" for index in range(torch.cuda.device_count())), "cpu"]
        self.param.device.objects = devices
        self.param.task.objects = list(tasks())
        self.param.update(device=devices[0], task=next(iter(tasks())))

    @property
    def own(self) -> tuple[str, ...]:
        """The settings that have a parameter of their own, but for task and preset."""
        return OWN

    @property
    def steerable(self) -> tuple[str, ...]:
        """The parameters that can be changed while a run is going."""
        return steering.STEERABLE

    @property
    def chosen_task(self) -> Task:
        """The registered task that is chosen."""
        return find_task(self.task)

    def setting(self, name: str) -> Setting:
        """Help, unit and bounds of a number, as its owner states them."""
        if name in ("noise", "assumed_noise"):
            return self.chosen_task.settings[self.chosen_task.noise]
        return (settings_of(TrainConfig) | dict(self.chosen_task.settings))[name]

    def further_settings(self) -> dict[str, Setting]:
        """The settings of the task and of its training without a parameter of their own."""
        task = self.chosen_task
        kinds = field_types(type(task.spec())) | field_types(TrainConfig)
        every = dict(task.settings) | settings_of(TrainConfig)
        return {
            name: setting
            for name, setting in every.items()
            if name != task.noise and name not in TRAINING and kinds[name] in (int, float, str)
        }

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
        self.show_numbers(configure(self.task, self.preset))

    @param.depends("noise", "same_noise", watch=True)
    def _link_noise(self) -> None:
        if self.same_noise:
            self.assumed_noise = self.noise

    def show_numbers(self, config: RunConfig) -> None:
        """Take all numbers over from a configuration of the chosen task and preset."""
        self._base = config
        every = vars(config.spec) | vars(config.training)
        self.param.update(
            noise=config.noise,
            same_noise=config.assumed_noise == config.noise,
            assumed_noise=config.assumed_noise,
            further={name: every[name] for name in self.further_settings()},
            **{name: getattr(config.training, name) for name in TRAINING},
        )

    def show(self, config: RunConfig) -> None:
        """Set every control to what a configuration has."""
        self.task, self.preset, self.methods = config.task, config.preset, list(config.methods)
        known = self.param.device.objects
        self.device = next((name for name in known if name.startswith(config.device)), known[-1])
        self.show_numbers(config)

    def set_further(self, name: str, value: Any) -> None:
        """Change one of the settings that have no parameter of their own."""
        self.further = {**self.further, name: value}

    def config(self) -> RunConfig:
        """The run that is asked for.

        Raises:
            ValueError: something is unknown or out of bounds; says what, and the remedy.
        """
        settings = dict(vars(self._base.spec)) | {self.chosen_task.noise: self.noise}
        training = dict(vars(self._base.training)) | {n: getattr(self, n) for n in TRAINING}
        for name, value in self.further.items():
            (settings if name in settings else training)[name] = value
        return configure(
            self.task,
            self.preset,
            [name for name in METHODS if name in self.methods],
            settings=settings,
            training=training,
            assumed_noise=self.assumed_noise,
            device=self.device,
        )

    def changes(self) -> dict[str, Any]:
        """What differs from the preset, by the names of the parameters and further settings."""
        usual = self._usual
        if usual is None or (usual.task, usual.preset) != (self.task, self.preset):
            # Asked for many times a second: it is not built anew each time.
            self._usual = usual = Choices()
            usual.task, usual.preset = self.task, self.preset
        names = [n for n in OWN if n != "assumed_noise" or not self.same_noise]
        own = {n: getattr(self, n) for n in names if getattr(self, n) != getattr(usual, n)}
        further = {n: v for n, v in self.further.items() if v != usual.further[n]}
        return {**own, **further}
