"""Choices: what a person asks for, setting by setting, until it becomes a ``RunConfig``."""

from __future__ import annotations

from typing import Any

import param
import torch

from reilab.methods.registry import methods
from reilab.nets.registry import NetworkKind, find_network, network_of, networks
from reilab.noise.registry import NOISES
from reilab.runs import steering
from reilab.runs.config import (
    USUAL_METHODS,
    RunConfig,
    configure,
    every_setting,
    every_type,
    objectives,
    values_of,
)
from reilab.settings import Setting, complaint
from reilab.show.words import number_text, parse_number
from reilab.tasks.registry import MODEL, Task, find_task, tasks

#: The numbers that go into ``TrainConfig`` under their own names.
TRAINING = ("learning_rate", "steps", "seed")
#: The numbers that have a parameter, and so a control, of their own.
NUMBERS = (*steering.WEIGHTS, *TRAINING)
#: All that has one, but for task and preset.
OWN = ("methods", "network", "noise", "same_noise", "assumed_noise", *NUMBERS, "device")


class Choices(param.Parameterized):
    """The settings of the next run, or of the run that is shown.

    The numbers have no bounds here: a wrong one is refused by ``config``, with the reason.
    """

    task = param.Selector(
        check_on_set=True, doc="What to reconstruct, and from which measurements."
    )
    preset = param.Selector(
        check_on_set=True, doc="Image size, network and training settings to start from."
    )
    methods = param.ListSelector(
        default=list(USUAL_METHODS), objects=list(methods()), doc="Trained side by side."
    )
    network = param.Selector(objects=list(networks()), doc="What learns to invert the operator.")
    noise = param.Parameter()
    same_noise = param.Boolean(default=True, doc="The losses believe in the true noise level.")
    assumed_noise = param.Parameter(doc="The noise level that the losses believe in.")
    learning_rate = param.Parameter()
    steps = param.Parameter()
    seed = param.Parameter()
    device = param.Selector(check_on_set=True, doc="Where to train.")
    further = param.Dict(default={}, doc="Settings that have no parameter of their own, by name.")

    def __init__(self) -> None:
        super().__init__()
        self._usual: Choices | None = None
        devices = [*(f"cuda:{index}" for index in range(torch.cuda.device_count())), "cpu"]
        self.param.device.objects = devices
        self.param.task.objects = list(tasks())
        self.param.update(device=devices[0], task=next(iter(tasks())))

    @property
    def steerable(self) -> tuple[str, ...]:
        """The parameters that can be changed while a run is going."""
        return steering.STEERABLE

    @property
    def chosen_task(self) -> Task:
        """The registered task that is chosen."""
        return find_task(self.task)

    @property
    def chosen_network(self) -> NetworkKind:
        """The registered network that is chosen."""
        return find_network(self.network)

    @property
    def level_name(self) -> str:
        """The setting that is the noise level, of the noise model that is chosen."""
        return self.chosen_task.level_name(self.further)

    @property
    def start_from(self) -> str:
        """Whose networks are trained further: what was shown says so, and no other network fits."""
        return self.base.start_from if self.network == network_of(self.base.network).name else ""

    def setting(self, name: str) -> Setting:
        """Help, unit and bounds of a number, as its owner states them."""
        if name in ("noise", "assumed_noise"):
            return self.chosen_task.settings[self.level_name]
        return every_setting(self.chosen_task, self.chosen_network)[name]

    def parsed(self, name: str, text: str) -> float | str:
        """A value of a setting as somebody has written it; what is to be a text stays one."""
        kinds = every_type(self.chosen_task, self.chosen_network)
        return text if kinds.get(name) is str else parse_number(text)

    def complaint(self, name: str, value: Any) -> str:
        """What is wrong with a value of a setting by itself, in words; or nothing."""
        if name == "methods":
            return "" if value else "Nothing is ticked; tick at least one."
        own = self.level_name if name in ("noise", "assumed_noise") else name
        kinds = every_type(self.chosen_task, self.chosen_network)
        words = complaint(value, kinds[own], self.setting(name))
        return words and f"{number_text(value)} {words}"

    def complaints(self) -> dict[str, str]:
        """What is wrong with each of the settings by itself, by name."""
        assumed = () if self.same_noise else ("assumed_noise",)
        own = {n: getattr(self, n) for n in ("methods", "noise", *assumed, *NUMBERS)}
        found = {n: self.complaint(n, value) for n, value in (own | self.further).items()}
        return {name: words for name, words in found.items() if words}

    def further_settings(self) -> dict[str, Setting]:
        """The settings of task, network, methods and training without a parameter of their own."""
        return self._further_of(self.chosen_network, self.level_name)

    def explored(self) -> tuple[str, ...]:
        """Those of them that say what is measured, and what the group is: what people play with."""
        own = self.chosen_task.settings
        noise = NOISES.get(self.further.get(MODEL, ""))
        # A number that the noise does not have would be moved without an effect.
        idle = {name for name in ("sigma", "gamma") if noise and not noise.counts(name)}
        return tuple(
            name
            for name in self.further_settings()
            if name in own and name not in idle and (name == "group" or own[name].slider)
        )

    def _further_of(self, network: NetworkKind, level: str) -> dict[str, Setting]:
        task = self.chosen_task
        kinds, every = every_type(task, network), every_setting(task, network)
        return {
            name: setting
            for name, setting in every.items()
            if name != level and name not in NUMBERS and kinds[name] in (int, float, str)
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

    @param.depends("network", watch=True)
    def _choose_network(self) -> None:
        """Another network brings its own settings along, the others stay."""
        values = vars(self.chosen_network.spec()) | self.further
        self.further = {name: values[name] for name in self.further_settings()}

    @param.depends("noise", "same_noise", watch=True)
    def _link_noise(self) -> None:
        if self.same_noise:
            self.assumed_noise = self.noise

    def show_numbers(self, config: RunConfig) -> None:
        """Take all numbers over from a configuration of the chosen task and preset."""
        #: Has what there is no control for.
        self.base = config
        every = _flat(config)
        network = network_of(config.network)
        names = self._further_of(network, self.chosen_task.level_name(vars(config.spec)))
        self.param.update(
            network=network.name,
            noise=config.noise,
            same_noise=config.assumed_noise == config.noise,
            assumed_noise=config.assumed_noise,
            further={name: every[name] for name in names},
            **{name: every[name] for name in NUMBERS},
        )

    def show(self, config: RunConfig) -> None:
        """Set every control to what a configuration has."""
        self.task, self.preset, self.methods = config.task, config.preset, list(config.methods)
        known = self.param.device.objects
        self.device = next((name for name in known if name.startswith(config.device)), known[-1])
        self.show_numbers(config)

    def reset(self, task: str, preset: str) -> None:
        """Set every control to what a preset has.

        Raises:
            ValueError: there is no such task or preset; nothing is changed.
        """
        self.show(configure(task, preset))
        self.device = self.param.device.objects[0]

    def set_further(self, name: str, value: Any) -> None:
        """Change one of the settings that have no parameter of their own.

        Another noise model has another level: each keeps the value that it had.
        """
        before, changed = self.level_name, {**self.further, name: value}
        after = self.chosen_task.level_name(changed)
        if after == before:
            self.further = changed
        else:
            own = changed.pop(after)
            self.param.update(further={**changed, before: self.noise}, noise=own)

    def config(self) -> RunConfig:
        """The run that is asked for.

        Raises:
            ValueError: something is unknown or out of bounds; says what, and the remedy.
        """
        training = dict(vars(self.base.training)) | {n: getattr(self, n) for n in TRAINING}
        settings = dict(vars(self.base.spec)) | {n: getattr(self, n) for n in steering.WEIGHTS}
        settings[self.level_name] = self.noise
        for name, value in self.further.items():
            (training if name in training else settings)[name] = value
        return configure(
            self.task,
            self.preset,
            [name for name in methods() if name in self.methods],
            network=self.network,
            settings=settings,
            training=training,
            assumed_noise=self.assumed_noise,
            device=self.device,
            start_from=self.start_from,
        )

    def changes(self) -> dict[str, Any]:
        """What differs from the preset, by the names of the parameters and further settings."""
        usual = self._usual
        if usual is None or (usual.task, usual.preset) != (self.task, self.preset):
            # Asked for many times a second: it is not built anew each time.
            self._usual = usual = Choices()
            usual.task, usual.preset = self.task, self.preset
        names = [n for n in (*OWN, "start_from") if n != "assumed_noise" or not self.same_noise]
        known = {n: getattr(usual, n) for n in names if n != "assumed_noise"} | usual.further
        if self.level_name != usual.level_name:
            # The preset's is the level of another noise model.
            del known["noise"]
        mine = {n: getattr(self, n) for n in names} | self.further
        return {n: v for n, v in mine.items() if v != known.get(n)}


for _name in steering.WEIGHTS:
    Choices.param.add_parameter(_name, param.Parameter())


def _flat(config: RunConfig) -> dict[str, Any]:
    """All values of a configuration by name; methods that it has not have the preset's."""
    usual = find_task(config.task).preset(config.preset).methods
    others = values_of(objectives(list(methods()), usual))
    return others | config.values
