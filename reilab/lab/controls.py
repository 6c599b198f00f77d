"""Controls: all choices of a lab in one column."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui

from reilab.lab.explain import explain
from reilab.lab.fields import WIDE, choice_field, further_field, number_field, slug
from reilab.lab.model import Lab
from reilab.lab.sources import image_sources
from reilab.lab.steering import METHODS_OF, STEERABLE
from reilab.lab.style import TALL, colour_of
from reilab.lab.text import heading
from reilab.lab.web.components import Field
from reilab.runs.words import method_title
from reilab.tasks.registry import MEASURED, tasks

#: What cannot be changed while a run is going.
FIXED = ("noise", "steps", "seed")
ACCORDION = {
    "boxShadow": "none",
    "background": "none",
    "& .MuiAccordionSummary-root": {"padding": 0, "minHeight": "36px"},
    "& .MuiAccordionDetails-root": {"padding": 0},
    "& :is(h1, h2, h3, .MuiTypography-root)": {"fontSize": "14px", "fontWeight": 600},
}


class Controls(pn.viewable.Viewer):
    """The column beside the views; what cannot be changed now is out of use."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab, self._choices = lab, lab.choices
        titles = {name: task.title for name, task in tasks().items()}
        self._task = choice_field("task", self._choices.task, titles, self._set("task"))
        self._preset = choice_field("preset", "", {}, self._set("preset"))
        self._data = choice_field("data", "", {}, lambda value: self._choose_data(value))
        self._methods = self._checks(
            "methods",
            "Trained side by side",
            [[n, method_title(n), colour_of(n)] for n in self._method_names()],
        )
        self._same = self._checks(
            "same", "What the losses believe", [["same", "Assume the true noise"]]
        )
        self._device = choice_field(
            "device", "", {n: n for n in self._choices.param.device.objects}, self._set("device")
        )
        self._numbers = {
            name: number_field(self._choices, name)
            for name in ("noise", *STEERABLE, "steps", "seed")
        }
        self._further = pn.Column(margin=0, sizing_mode="stretch_width", styles=dict(TALL))
        self._view = self._layout()
        shown = ["task", "preset", "methods", "same_noise", "device", "further"]
        self._choices.param.watch(self._show, shown)
        self._choices.param.watch(self._offer, "task")
        lab.param.watch(self._lock, ["standing", "run"])
        self._offer()
        self._show()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def _method_names(self) -> list[str]:
        names: list[str] = self._choices.param.methods.objects
        return names

    def _set(self, name: str) -> Any:
        return lambda value: setattr(self._choices, name, value)

    def _choose_data(self, value: str) -> None:
        if self._choices.further.get("data") != value:
            self._choices.set_further("data", value)

    def _checks(self, name: str, words: str, options: list[list[str]]) -> Field:
        field = Field(
            kind="checks",
            label=words,
            help=explain(name),
            options=options,
            css_classes=[slug(name)],
            **WIDE,
        )
        field.param.watch(self._read_checks, "value")
        return field

    def _read_checks(self, *_: Any) -> None:
        self._choices.methods = self._methods.value.split()
        self._choices.same_noise = bool(self._same.value)

    def _layout(self) -> pn.Column:
        number = self._numbers
        more = pmui.Accordion(
            ("More settings", self._further),
            margin=(8, 0),
            sizing_mode="stretch_width",
            sx=ACCORDION,
        )
        return pn.Column(
            heading("Problem"),
            self._task,
            self._preset,
            self._data,
            number["noise"],
            heading("Methods"),
            self._methods,
            heading("Changeable while training"),
            self._same,
            number["assumed_noise"],
            *(number[weight] for weight in METHODS_OF),
            number["learning_rate"],
            heading("Length"),
            pn.Row(
                number["steps"],
                number["seed"],
                styles={"gap": "10px"},
                margin=0,
                sizing_mode="stretch_width",
            ),
            self._device,
            more,
            margin=(0, 16, 24, 16),
            sizing_mode="stretch_width",
        )

    def _offer(self, *_: Any) -> None:
        """What can be chosen in the task that is chosen."""
        presets = self._choices.param.preset.objects
        self._preset.param.update(
            options=[[name, name] for name in presets], value=self._choices.preset
        )
        settings = self._choices.further_settings()
        self._further.objects = [
            further_field(self._choices, name, setting)
            for name, setting in settings.items()
            if name != "data"
        ]

    def _show(self, *_: Any) -> None:
        choices = self._choices
        self._task.value, self._preset.value = choices.task, choices.preset
        self._device.value = choices.device
        self._device.visible = len(choices.param.device.objects) > 1
        source = choices.further.get("data", "")
        self._data.visible = bool(source) and not choices.further.get(MEASURED)
        found = image_sources(choices.chosen_task)
        options = {**found, source: found.get(source, source)}
        self._data.param.update(options=[list(item) for item in options.items()], value=source)
        methods = " ".join(name for name in self._method_names() if name in choices.methods)
        same = "same" if choices.same_noise else ""
        self._methods.value = methods
        self._same.value = same
        for weight, users in METHODS_OF.items():
            self._numbers[weight].visible = any(name in choices.methods for name in users)
        self._lock()

    def _lock(self, *_: Any) -> None:
        live = self._lab.live
        for field in (self._task, self._preset, self._data, self._methods, self._device):
            field.locked = live
        for name in FIXED:
            self._numbers[name].locked = live
        for field in self._further:
            field.locked = live
        self._numbers["assumed_noise"].locked = self._choices.same_noise
