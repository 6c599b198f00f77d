"""Fields: controls bound to one choice of a lab each, labelled by whoever owns the number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reilab.lab.choices import Choices
from reilab.lab.explain import explain, label, unit
from reilab.lab.web.components import Field
from reilab.settings import Setting

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}


def number_field(choices: Choices, name: str) -> Field:
    """A number with a parameter of its own; on a logarithmic scale it has ÷10 and ×10 beside it."""
    field = Field(kind="number", css_classes=[slug(name)], **WIDE)

    def show(*_: Any) -> None:
        setting = choices.setting(name)
        value = getattr(choices, name)
        field.param.update(
            label=label(name),
            unit=unit(name, setting),
            help=explain(name, setting),
            scaled=setting.log,
            span=list(setting.slider) if setting.slider and not setting.log else [],
            value=number_text(value),
        )

    def read(*_: Any) -> None:
        setattr(choices, name, parse_number(field.value))
        # What means the same number may be written in other ways.
        show()

    show()
    field.param.watch(read, "value")
    choices.param.watch(show, [name, "task"])
    return field


def choice_field(
    name: str,
    value: str,
    options: Mapping[str, str],
    chosen: Callable[[str], None],
    words: str = "",
) -> Field:
    """One of several; ``options`` are words by value."""
    field = Field(
        kind="choice",
        label=words or label(name),
        help=explain(name),
        options=[list(item) for item in options.items()],
        value=value,
        css_classes=[slug(name)],
        **WIDE,
    )
    field.param.watch(lambda event: chosen(event.new), "value")
    return field


def further_field(choices: Choices, name: str, setting: Setting) -> Field:
    """A setting without a parameter of its own."""
    is_text = isinstance(choices.further[name], str)
    field = Field(
        kind="choice" if setting.choices else "text" if is_text else "number",
        label=label(name),
        unit=unit(name, setting),
        help=explain(name, setting),
        options=[[option, option] for option in setting.choices],
        value=number_text(choices.further[name]),
        css_classes=[slug(name)],
        **WIDE,
    )

    def read(*_: Any) -> None:
        text = field.value
        choices.set_further(name, text if is_text else parse_number(text))

    def show(*_: Any) -> None:
        if name in choices.further:
            field.value = number_text(choices.further[name])

    field.param.watch(read, "value")
    choices.param.watch(show, "further")
    return field


def number_text(value: Any) -> str:
    """A number as short as it can be; text as it is."""
    return value if isinstance(value, str) else f"{value:.10g}"


def parse_number(text: str) -> float | str:
    """A whole number, a number, or the text as it is: the settings say what is wrong with it."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def slug(name: str) -> str:
    """The style class of a control, by which tests find it."""
    return f"reilab-{name.replace('_', '-').replace(' ', '-')}"
