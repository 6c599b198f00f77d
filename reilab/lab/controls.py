"""Controls: one widget for each choice of a ``Lab``, labelled by whoever owns the number."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui

from reilab.lab.model import Lab
from reilab.lab.steering import METHODS_OF, STEERABLE
from reilab.lab.style import TEXT_CSS
from reilab.lab.summary import method_title
from reilab.tasks.registry import tasks

LABELS = {
    "noise": "True noise",
    "assumed_noise": "Assumed noise",
    "alpha_mc": "α MC",
    "alpha_eq": "α EQ",
    "alpha_sure": "α SURE",
    "alpha_req": "α REQ",
}
#: What cannot be changed while a run is going.
FIXED = ("task", "preset", "methods", "noise", "steps", "seed")
LABEL = {"& .MuiFormControlLabel-label": {"fontSize": "14px"}}
WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (5, 0)}


class NumberField(pn.viewable.Viewer):
    """A number of the lab as text; one on a logarithmic scale has a ÷10 and a ×10 beside it."""

    def __init__(self, lab: Lab, name: str) -> None:
        super().__init__()
        self._lab, self._name = lab, name
        self.text = pmui.TextInput(size="small", css_classes=[_slug(name)], **WIDE)
        self._buttons = [self._factor("÷10", 0.1, "down"), self._factor("×10", 10.0, "up")]
        log = lab.setting(name).log
        self._view = pn.Row(
            self.text, *(self._buttons if log else ()), margin=0, sizing_mode="stretch_width"
        )
        self.text.param.watch(self._read, "value")
        lab.param.watch(self._show, [name, "task"])
        self._show()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def lock(self, locked: bool) -> None:
        """Take the control out of use, or put it back."""
        self.text.disabled = locked

    def show(self, shown: bool) -> None:
        """Put the control in its place, or take it away."""
        self._view.visible = shown

    def _show(self, *_: Any) -> None:
        setting = self._lab.setting(self._name)
        title = LABELS.get(self._name, self._name.replace("_", " ").capitalize())
        unit = setting.unit if setting.unit != self._name else ""
        value = getattr(self._lab, self._name)
        self.text.param.update(
            label=f"{title} ({unit})" if unit else title,
            description=setting.help,
            value=value if isinstance(value, str) else f"{value:.10g}",
        )

    def _read(self, *_: Any) -> None:
        setattr(self._lab, self._name, parse_number(self.text.value))

    def _factor(self, label: str, factor: float, way: str) -> pmui.Button:
        def multiply(*_: Any) -> None:
            value = getattr(self._lab, self._name)
            if not isinstance(value, str):
                # Powers of ten stay short: 0.001, not 0.0010000000000000002.
                setattr(self._lab, self._name, float(f"{value * factor:.10g}"))

        return pmui.Button(
            label=label,
            on_click=multiply,
            css_classes=[f"{_slug(self._name)}-{way}"],
            variant="outlined",
            size="small",
            margin=(7, 0, 5, 6),
            sx={"minWidth": "44px", "padding": "5px 6px"},
        )


def parse_number(text: str) -> float | str:
    """A whole number, a number, or the text as it is: the settings say what is wrong with it."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


class Controls(pn.viewable.Viewer):
    """All choices of a lab in one column."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self.task = pmui.Select.from_param(
            lab.param.task,
            label="Task",
            options={task.title: name for name, task in tasks().items()},
            css_classes=["reilab-task"],
            size="small",
            **WIDE,
        )
        self.preset = pmui.Select.from_param(
            lab.param.preset, label="Preset", css_classes=["reilab-preset"], size="small", **WIDE
        )
        self.methods = pmui.CheckBoxGroup.from_param(
            lab.param.methods,
            label="",
            options={method_title(name): name for name in lab.param.methods.objects},
            inline=True,
            sx=LABEL,
            css_classes=["reilab-methods"],
            margin=(0, 0),
        )
        self.same_noise = pmui.Checkbox.from_param(
            lab.param.same_noise, label="Assume the true noise", size="small", margin=0, sx=LABEL
        )
        names = ("noise", *STEERABLE, "steps", "seed")
        self.numbers = {name: NumberField(lab, name) for name in names}
        self._view = self._layout()
        lab.param.watch(self._lock, ["standing", "run", "same_noise"])
        lab.param.watch(self._show_weights, "methods")
        self._lock()
        self._show_weights()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def _show_weights(self, *_: Any) -> None:
        """Only the weights that count in one of the methods that are chosen."""
        for weight, methods in METHODS_OF.items():
            self.numbers[weight].show(any(name in self._lab.methods for name in methods))

    def _layout(self) -> pn.Column:
        number = self.numbers
        device = pmui.Select.from_param(
            self._lab.param.device, label="Device", size="small", visible=_choice(self._lab), **WIDE
        )
        return pn.Column(
            heading("Problem"),
            self.task,
            self.preset,
            number["noise"],
            self.same_noise,
            number["assumed_noise"],
            heading("Methods"),
            self.methods,
            heading("Changeable while training"),
            *(number[weight] for weight in METHODS_OF),
            number["learning_rate"],
            heading("Length"),
            pn.Row(number["steps"], number["seed"], styles={"gap": "10px"}, margin=0),
            device,
            margin=(0, 16),
            sizing_mode="stretch_width",
        )

    def _lock(self, *_: Any) -> None:
        live = self._lab.live
        for widget in (self.task, self.preset, self.methods):
            widget.disabled = live
        for name, field in self.numbers.items():
            field.lock(live and name in FIXED)
        self.numbers["assumed_noise"].lock(self._lab.same_noise)


def heading(text: str, above: int = 14) -> pn.pane.HTML:
    """The title of a group of controls or views, with ``above`` pixels of room over it."""
    return pn.pane.HTML(f"<h2>{text}</h2>", stylesheets=[TEXT_CSS], margin=(above, 0, 4, 0))


def _slug(name: str) -> str:
    return f"reilab-{name.replace('_', '-')}"


def _choice(lab: Lab) -> bool:
    return len(lab.param.device.objects) > 1
