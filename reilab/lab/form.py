"""Form: every field of the next run, with label, unit, bounds and help, whoever shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Literal, TypeVar

from reilab.datasets.bundled import BUNDLED
from reilab.datasets.findings import UPLOADS
from reilab.datasets.formats.reader import readers
from reilab.datasets.known import KNOWN
from reilab.datasets.store import Store, data_root, prepared_folder, prepared_sets
from reilab.lab.choices import OWN, Choices
from reilab.lab.explain import explain, label, unit
from reilab.lab.model import Lab
from reilab.methods.registry import find_method, users
from reilab.nets.registry import networks
from reilab.runs.steering import STEERABLE, WEIGHTS
from reilab.settings import Setting
from reilab.show.words import method_colour, method_title, number_text, parse_number
from reilab.tasks.registry import MEASURED, Task, tasks


def image_sources(task: Task) -> dict[str, str]:
    """Words for each source, by the value of the setting ``data``; empty if there is no such."""
    usual = vars(task.spec()).get("data", "")
    if usual not in BUNDLED:
        return {usual: usual} if usual else {}
    channels = BUNDLED[usual].channels
    fitting = [name for name, known in BUNDLED.items() if known.channels == channels]
    prepared = [s for s in prepared_sets(data_root()) if _suits(s, task.name, channels)]
    return (
        {name: BUNDLED[name].title for name in fitting}
        | {name: f"Folder {name}" for name in _folders() if name not in (*BUNDLED, *KNOWN)}
        | {store.name: _title(store) for store in prepared}
    )


def _suits(store: Store, task: str, channels: int) -> bool:
    """Whether the images of a prepared set can be those of a task."""
    known = KNOWN.get(store.origin)
    return known is None or known.task == task or store.channels == channels


def _title(store: Store) -> str:
    known = KNOWN.get(store.origin)
    return known.title if known and store.name == store.origin else f"Prepared {store.name}"


def _folders() -> list[str]:
    """Folders of images, by their names below the data root."""
    root = data_root()
    others = (prepared_folder(root), root / UPLOADS)
    above = [folder for folder in (root, root / UPLOADS) if folder.is_dir()]
    folders = [f for each in above for f in each.iterdir() if f.is_dir() and f not in others]
    return sorted(str(folder.relative_to(root)) for folder in folders if _has_images(folder))


def _has_images(folder: Path) -> bool:
    known = readers()
    return any(file.suffix.lower() in known for file in folder.rglob("*"))


F = TypeVar("F")
Send = Callable[[str], None]
#: The controls of each group, in the order in which they are shown.
PROBLEM = "Problem"
GROUPS: Mapping[str, tuple[str, ...]] = {
    PROBLEM: ("task", "preset", "data", "noise"),
    "Methods": ("methods", "network"),
    "Changeable while training": ("same", "assumed_noise", *WEIGHTS, "learning_rate"),
    "Length": ("steps", "seed", "device"),
}
#: The group of the settings that differ from task to task.
FURTHER = "More settings"
#: What the names of presets promise.
PRESETS: Mapping[str, str] = {
    "smoke": "smoke: a first try, seconds",
    "quick": "quick: minutes",
    "hour": "hour: about one, on a CPU",
    "standard": "standard: hours, on a GPU",
    "paper": "paper: a day, on a GPU",
}
#: Steps of a slider.
PLACES = 100
#: Those of the controls that are numbers.
NUMBERS = ("noise", *STEERABLE, "steps", "seed")


@dataclass(frozen=True)
class Option:
    """One of the answers to choose from."""

    value: str
    words: str
    colour: str = ""


@dataclass(frozen=True)
class Control:
    """One control as it is now; its value is text, whatever its kind.

    Args:
        kind: a number, one of the options, or any of the options, their values parted by blanks.
        span: the least and greatest number of a slider and its step, if it has one.
        scaled: whether a tenth and ten times the number are offered.
        eager: whether it counts while the slider is still being moved.
        locked: why it cannot be changed now, if it cannot.
        error: what is wrong with its value, if anything is.
    """

    name: str
    kind: Literal["number", "text", "choice", "checks"]
    label: str
    value: str
    unit: str = ""
    help: str = ""
    options: tuple[Option, ...] = ()
    span: tuple[float, float, float] | None = None
    scaled: bool = False
    eager: bool = False
    shown: bool = True
    locked: str = ""
    error: str = ""


def further(choices: Choices) -> tuple[str, ...]:
    """The controls of the last group, for the task that is chosen."""
    return tuple(name for name in choices.further_settings() if name != "data")


def control(lab: Lab, name: str) -> Control:
    """A control as it is now."""
    choices = lab.choices
    match name:
        case "task":
            titles = {key: task.title for key, task in tasks().items()}
            return _choice(lab, name, choices.task, titles)
        case "preset":
            presets = choices.param.preset.objects
            titles = {key: PRESETS.get(key, key) for key in presets}
            return _choice(lab, name, choices.preset, titles)
        case "network":
            titles = {key: one.title for key, one in networks().items()}
            return _choice(lab, name, choices.network, titles)
        case "device":
            devices = choices.param.device.objects
            titles = {key: key for key in devices}
            return _choice(lab, name, choices.device, titles, len(devices) > 1)
        case "data":
            source = choices.further.get("data", "")
            found = image_sources(choices.chosen_task)
            titles = {**found, source: found.get(source, source)}
            return _choice(lab, name, source, titles, not choices.further.get(MEASURED))
        case "methods":
            return _methods(lab)
        case "same":
            value = name if choices.same_noise else ""
            options = (Option(name, "Assume the true noise"),)
            words = "What the losses believe"
            return Control(name, "checks", words, value, help=explain(name), options=options)
        case _:
            return _number(lab, name) if name in OWN else _further(lab, name)


def answer(choices: Choices, name: str, text: str) -> None:
    """Take over what somebody has entered; whether it can be is for ``Choices.config`` to say."""
    match name:
        case "task" | "preset" | "network" | "device":
            setattr(choices, name, text)
        case "methods":
            choices.methods = text.split()
        case "same":
            choices.same_noise = bool(text)
        case _ if name in OWN:
            setattr(choices, name, parse_number(text))
        case _:
            choices.set_further(name, choices.parsed(name, text))


class Form(Generic[F]):
    """The fields of a lab, one to each control, kept up to date; a face says what they are.

    Args:
        lab: the lab whose choices they show and change.
        make: makes the field of a control, which calls back with the text that is entered.
        show: brings a field up to date.
        place: takes the fields of the settings of the task, each time that others are offered.
    """

    def __init__(
        self,
        lab: Lab,
        make: Callable[[Control, Send], F],
        show: Callable[[F, Control], None],
        place: Callable[[Mapping[str, F]], None],
    ) -> None:
        self._lab, self._make, self._show_field, self._place = lab, make, show, place
        self._showing = False
        self.fields = {name: self._field(name) for group in GROUPS.values() for name in group}
        self.own: dict[str, F] = {}
        self._kinds: dict[str, str] = {}
        self._offered: tuple[str, ...] = ()
        lab.choices.param.watch(self.offer, ["task", "network"])
        lab.choices.param.watch(self._show_numbers, list(NUMBERS))
        shown = ["task", "preset", "methods", "network", "same_noise", "device", "further"]
        lab.choices.param.watch(self.refresh, shown)
        lab.param.watch(self.refresh, ["standing", "run"])

    def offer(self, *_: object) -> None:
        """Offer what can be chosen in the task that is chosen."""
        old, kinds = self.own, self._kinds
        names = further(self._lab.choices)
        self._offered = self._lab.choices.explored()
        self._kinds = {name: control(self._lab, name).kind for name in names}
        self.own = {
            name: old[name] if kinds.get(name) == self._kinds[name] else self._field(name)
            for name in names
        }
        self._place(self.own)
        self._show(self.own)

    def _field(self, name: str) -> F:
        with self._deaf():
            return self._make(control(self._lab, name), partial(self._hear, name))

    def _hear(self, name: str, text: str) -> None:
        if not self._showing and text != control(self._lab, name).value:
            answer(self._lab.choices, name, text)
            # What means the same number may be written in other ways.
            self._show([name])

    def _show(self, names: Iterable[str]) -> None:
        fields = {**self.fields, **self.own}
        with self._deaf():
            for name in names:
                self._show_field(fields[name], control(self._lab, name))

    @contextmanager
    def _deaf(self) -> Iterator[None]:
        """A field that is brought up to date may pass through values that nobody has entered."""
        before, self._showing = self._showing, True
        try:
            yield
        finally:
            self._showing = before

    def _show_numbers(self, *_: object) -> None:
        self._show(NUMBERS)

    def refresh(self, *_: object) -> None:
        """Bring all fields up to date."""
        if self._offered != self._lab.choices.explored():
            # Another noise model has other numbers.
            self.offer()
        # The fields of the task that was chosen before go a moment later.
        settings = self._lab.choices.further
        self._show([*self.fields, *(name for name in self.own if name in settings)])


def _choice(
    lab: Lab, name: str, value: str, titles: Mapping[str, str], shown: bool = True
) -> Control:
    options = tuple(Option(key, words) for key, words in titles.items())
    return Control(
        name,
        "choice",
        label(name),
        value,
        help=explain(name),
        options=options,
        shown=shown and bool(value),
        locked=_while_live(lab),
    )


def _methods(lab: Lab) -> Control:
    names = lab.choices.param.methods.objects
    options = tuple(Option(name, method_title(name), method_colour(name)) for name in names)
    return Control(
        "methods",
        "checks",
        label("methods"),
        " ".join(name for name in names if name in lab.choices.methods),
        help=explain("methods"),
        options=options,
        locked=_while_live(lab),
        error=lab.choices.complaint("methods", lab.choices.methods),
    )


def _number(lab: Lab, name: str) -> Control:
    choices, setting = lab.choices, lab.choices.setting(name)
    owners = users(name)
    return Control(
        name,
        "number",
        label(name),
        number_text(getattr(choices, name)),
        unit=unit(name, setting),
        help=explain(name, setting),
        span=_span(setting, getattr(choices, name)),
        scaled=setting.log,
        eager=not lab.live and name not in STEERABLE,
        shown=not owners or any(_counts(name, method) for method in choices.methods),
        locked=_locked(lab, name),
        error=choices.complaint(name, getattr(choices, name)),
    )


def _counts(name: str, method: str) -> bool:
    """Whether a method has that weight beside others: alone it does not count, because of Adam."""
    own = find_method(method).weights
    return name in own and len(own) > 1


def _further(lab: Lab, name: str) -> Control:
    setting, value = lab.choices.setting(name), lab.choices.further[name]
    is_text = isinstance(value, str)
    return Control(
        name,
        "choice" if setting.choices else "text" if is_text else "number",
        label(name),
        number_text(value),
        unit=unit(name, setting),
        help=explain(name, setting),
        span=_span(setting, value),
        eager=not lab.live,
        options=tuple(Option(value, value) for value in setting.choices),
        locked=_while_live(lab),
        error=lab.choices.complaint(name, value),
    )


def _span(setting: Setting, value: object) -> tuple[float, float, float] | None:
    """The range of a slider and its step; a hundred steps, of whole numbers where it counts."""
    if setting.log or setting.slider is None:
        return None
    low, high = setting.slider
    return low, high, 1 if isinstance(value, int) else (high - low) / PLACES


def _locked(lab: Lab, name: str) -> str:
    """Why a number cannot be changed now, if it cannot."""
    if name == "assumed_noise" and lab.choices.same_noise:
        return "It follows the true noise: untick “Assume the true noise” to part them."
    return "" if name in STEERABLE else _while_live(lab)


def _while_live(lab: Lab) -> str:
    return "A run is going: this is fixed until it has ended, or you choose New run." * lab.live


def complaint(choices: Choices, name: str, text: str) -> str:
    """What is wrong with a text that stands in the field of a number or a text; or nothing."""
    return choices.complaint(name, choices.parsed(name, text))
