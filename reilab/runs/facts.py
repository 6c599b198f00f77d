"""Facts: what one has to know of a run beside its pictures and numbers, in words."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from reilab.nets.registry import network_of
from reilab.noise.registry import NOISES
from reilab.record.folder import RunFolder
from reilab.runs.config import RunConfig, config_of
from reilab.show.words import LETTERS, number_text
from reilab.tasks.registry import MODEL, find_task


def facts_of(config: RunConfig, run: str) -> Mapping[str, str]:
    """By name: task, noise, operator, group, network, steps, seed, run, version of reilab.

    Args:
        config: what was asked of the run.
        run: its name.
    """
    task, spec = find_task(config.task), vars(config.spec)
    level, model = task.level_name(spec), NOISES.get(spec.get(MODEL, ""))

    def value(name: str, number: float) -> str:
        unit = task.settings[name].unit
        letter = LETTERS.get(name, name.replace("_", " "))
        return f"{letter} = {number_text(number)}{f' {unit}' if unit and unit != name else ''}"

    further = [n for n in ("sigma", "gamma") if n != level and model and model.counts(n)]
    noise = [value(name, spec[name]) for name in (level, *further)]
    if config.assumed_noise != config.noise:
        noise.append(f"assumed {number_text(config.assumed_noise)}")
    operator = [
        value(name, spec[name])
        for name, setting in task.settings.items()
        if name == "size" or (setting.slider and name not in (level, "sigma", "gamma"))
    ]
    return {
        "Task": config.task,
        "Noise": ", ".join(filter(None, [spec.get(MODEL, ""), *noise])),
        "Operator": ", ".join(operator),
        "Group": str(spec.get("group", "")),
        "Network": network_of(config.network).name,
        "Steps": str(config.training.steps),
        "Seed": str(config.training.seed),
        "Run": run,
        "reilab": version("reilab"),
    }


def facts_of_run(folder: RunFolder) -> Mapping[str, str]:
    """The facts of a run; its name alone where its configuration is not understood here."""
    try:
        return facts_of(config_of(folder), folder.name)
    except ValueError:
        return {"Run": folder.name}


def facts_line(facts: Mapping[str, str]) -> str:
    """The facts as one line, for the foot of a figure."""
    return "; ".join(f"{name} {value}" for name, value in facts.items() if value)
