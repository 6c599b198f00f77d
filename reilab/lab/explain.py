"""Explain: every control in words, and what is minimised as a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from html import escape

from reilab.lab.choices import Choices
from reilab.methods.registry import find_method
from reilab.record.history import History
from reilab.runs.steering import WEIGHTS
from reilab.settings import Setting
from reilab.show.words import LETTERS, method_colour, method_title, number_text

LABELS: Mapping[str, str] = {
    "noise": "True noise",
    "assumed_noise": "Assumed noise",
    "methods": "Trained side by side",
    "data": "Training images",
    "measured": "Acquired measurements",
    "steps": "Steps",
    "seed": "Seed",
    "sample": "Image",
    "moment": "Moment of the run",
    "learning_rate": "Learning rate",
    "title": "Name",
}

#: Short names of long units.
UNITS: Mapping[str, str] = {"of the image maximum": "of max."}

HELP: Mapping[str, str] = {
    "task": "What is reconstructed, and from which measurements. Each task has its own physics, "
    "noise and images.",
    "preset": "Image size, network and training settings to start from: quick takes minutes, paper "
    "a day on a GPU. Choosing one puts all numbers back to what it says.",
    "methods": "They are trained side by side on the same measurements, from the same start. "
    "Supervised alone sees the ground truth; it is what the others are measured by.",
    "network": "What learns to invert the operator. One that sees the operator learns in minutes "
    "what the U-Net of the paper needs hours for; its settings are among those below.",
    "noise": "How noisy the measurements really are. Turn it up to see EI fail before REI does.",
    "group": "Images stay images under these transforms: from that EI and REI learn what A does "
    "not see. A group under which the measurements only change places teaches nothing.",
    "same": "As long as this is ticked, the losses believe in the true noise. Untick it to see "
    "what a wrong belief does.",
    "assumed_noise": "How noisy the losses believe the measurements to be: SURE subtracts this "
    "much, and REQ simulates it. If it is wrong, SURE is no longer the true risk.",
    "learning_rate": "Step length of the optimiser (Adam). Too high and the curves jump, too low "
    "and nothing happens.",
    "steps": "How many optimiser steps each method takes. More steps give better images and take "
    "longer in proportion.",
    "seed": "Where all random streams start: network, noise, order of the images. The same seed "
    "gives the same run.",
    "device": "Where the run is computed. A GPU is ten to a hundred times faster than a CPU.",
    "data": "The images to learn from: a bundled set, a prepared one, or a folder below the data "
    "root. The ground truth in them is seen by supervised training alone.",
    "measured": "Measurements that were acquired: a file or folder, by its path or its name below "
    "the data root. As nobody knows their images, there are no metrics, and supervised training "
    "cannot learn from them.",
    "sample": "Which of the test images is shown. None of them is ever trained on; where the "
    "measurements were acquired and nobody knows the images, they are those of the training.",
    "colours": "Colours of grey images. Error maps keep theirs, because they share a scale.",
    "smoothing": "How much of the past is in each point of the loss curves. PSNR is shown as it "
    "is.",
    "errors": "The maps below the images: how far each is from the ground truth. They share "
    "one scale.",
    "log": "Losses on a logarithmic scale. Values of 0 or less leave a gap.",
    "moment": "Which moment of the run is shown. Images, numbers and the cursor in the curves "
    "follow it; at its right end it follows the run.",
    "panes": "Which panes are shown; the digits are keys. Errors are the maps below the images.",
    "window": "Which values are black and which are white, as shares of the range. Narrow it to "
    "see faint things; on an image, drag with Shift or the right mouse button.",
    "part": "What is shown of each image x̂: all of it; what A sees of it, A†A x̂, which the "
    "measurements can tell; what A does not see, which only learning can fill in; or its "
    "spectrum, which in MRI is k-space.",
    "profile": "Draws the values of all images along the row, or the column, of the pixel that you "
    "point at.",
    "swipe": "Two images in one place: swipe parts them by a line that you move, blink shows them "
    "in turns, difference subtracts the second from the first. All zoom with the other images.",
    "paper": "How wide the figure is on paper. It has the panes, the part, the window and the "
    "error maps that are on screen, with captions, and the settings at its foot.",
    "curve": "Draws PSNR against steps below the images of the figure.",
    "my-data": "Folders and files below the data root, and what was brought there from a browser.",
    "trained": "A run with trained networks: they are put to work on your files with the operator, "
    "the noise and the image size of the run.",
    "measurement": "Which of your measurements is shown.",
    "filter": "Shows the runs in whose row all of these words occur: name, task, methods, noise, "
    "group, date or note. Leave it empty for all runs.",
    "levels": "The noise levels of the sweep, parted by blanks. There is a run for each of them "
    "with each method and each seed.",
    "seeds": "How many runs of each kind, with seeds that count up from the one of the controls. "
    "From two on the chart has bars: one standard deviation over the seeds.",
    "swept": "Which sweep is shown. Its runs stand in the list of all runs as well.",
    "title": "What the run is called in lists. It is kept with the run, whose folder keeps its own "
    "name; leave it empty to have that.",
    "compared-curves": "Which curves are drawn. Colours are methods and dashes are runs; the mouse "
    "on a line tells which it is.",
    "compared-methods": "Which methods have a column of images, curves and rows.",
    "note": "A remark on the run that is shown. It is kept with the run and found by the filter.",
}


def label(name: str) -> str:
    """How a setting is called on screen."""
    if name in WEIGHTS and WEIGHTS[name].label:
        return WEIGHTS[name].label
    return LABELS.get(name, name.replace("_", " ").capitalize())


def refusal(wrong: Mapping[str, str]) -> str:
    """What is wrong with settings, by their labels."""
    return " ".join(f"{label(name)}: {words}" for name, words in wrong.items())


def unit(name: str, setting: Setting) -> str:
    """The unit, where it says more than the name."""
    return "" if setting.unit == name else UNITS.get(setting.unit, setting.unit)


def explain(name: str, setting: Setting | None = None) -> str:
    """The help of a control, or what its owner says of it, and its range."""
    words = HELP.get(name, setting.help if setting else "")
    return " ".join(filter(None, (words, span_words(setting) if setting else "")))


#: Bounds from here on are not told.
VAST = 1e9


def span_words(setting: Setting) -> str:
    """The values that are allowed, as a sentence."""
    if setting.choices:
        return setting.offered
    unit = f" {setting.unit}" if setting.unit else ""
    # A bound that only keeps numbers finite is nobody's concern.
    high = None if setting.high is None or setting.high >= VAST else setting.high
    both = setting.low is not None and high is not None
    if both and setting.slider in (None, (setting.low, high)):
        return f"From {setting.low:g} to {high:g}{unit}."
    least = "more than 0" if setting.positive else ""
    if setting.low is not None:
        least = f"{setting.low:g}{unit} or more"
    most = f"{high:g}{unit} or less" if high is not None else ""
    usual = (
        f"usually {setting.slider[0]:g} to {setting.slider[1]:g}{unit}" if setting.slider else ""
    )
    bounds = "; ".join(filter(None, (least, most, usual)))
    return f"Range: {bounds}." if bounds else ""


KEYS: Mapping[str, str] = {
    "g": "go: train what is set",
    "Space": "pause or continue the run; play or halt where there is none",
    "← →": "earlier or later moment of the run",
    "Home": "first moment",
    "End": "back to the live end",
    "1 – 9": "show or hide a pane",
    "e": "show or hide the error maps",
    "s, b, d": "swipe, blink or difference of two images, on or off",
    "+ −": "zoom the image that was clicked; then ← ↑ → ↓ move it, and Ctrl + wheel zooms",
    "r": "show the whole images again",
    "p": "presentation: images, PSNR and formula in large type on one screen",
    "t": "guided tour",
    "?": "this list",
    "Esc": "leave the presentation, the tour, this list",
}


LEGEND = (
    "<i>y</i>: measurement; <i>A</i>: forward operator; <i>f</i>: network and what goes before "
    "it; <i>x̂</i> = <i>f</i>(<i>y</i>); <i>T<sub>g</sub></i>: random transform; SURE: estimate of "
    "‖<i>A</i><i>x̂</i> − <i>A</i><i>x</i>‖² from <i>y</i> alone. All are means."
)


def objectives(choices: Choices, history: History) -> str:
    """One line for each chosen method; under each term its newest value, if there is one."""
    lines = [
        _line(name, choices, history)
        for name in choices.param.methods.objects
        if name in choices.methods
    ]
    return f'<div class="formulas">{"".join(lines)}</div><p class="quiet">{LEGEND}</p>'


@cache
def formula_html(formula: str, noise: str) -> str:
    """A formula in plain letters, as ``Weight`` has it, with the assumed noise, as HTML.

    Letters that stand alone are italic, and ``_x`` or ``_{xy}`` goes below the line.
    """
    lowered = re.sub(r"_(?:\{(\{noise\}|[^{}]*)\}|(\w))", _lowered, escape(formula))
    marked = re.sub(r"(?<![\w<>/&;])([A-Za-z]\u0302?)(?![\w>])", r"<i>\1</i>", lowered)
    return marked.replace("{noise}", noise)


def _lowered(found: re.Match[str]) -> str:
    return f"<sub>{found[1] or found[2]}</sub>"


def _line(method: str, choices: Choices, history: History) -> str:
    letter = LETTERS.get(choices.level_name, choices.level_name)
    noise = f"<i>{letter}̂</i> = <b>{escape(number_text(choices.assumed_noise))}</b>"
    track = history.tracks.get(method)
    newest = track.stepped[-1].losses if track and track.stepped else {}
    terms = []
    for name, one in find_method(method).weights.items():
        value = f"now {newest[one.term]:.3g}" if one.term in newest else ""
        body = formula_html(one.formula, noise)
        weight = getattr(choices, name)
        terms.append(
            f'<span class="term"><span><b>{escape(number_text(weight))}</b> · {body}</span>'
            f"<small>{value}</small></span>"
        )
    chip = f'<span class="chip" style="background:{method_colour(method)}"></span>'
    head = f'<span class="whose">{chip}<i>L</i><sub>{escape(method_title(method))}</sub> =</span>'
    return (
        f'<div class="formula reilab-formula-{method}">{head}{"<span>+</span>".join(terms)}</div>'
    )
