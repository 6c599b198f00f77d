"""Markup: pieces of HTML that both faces of the lab show; their classes are in ``TEXT_CSS``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from reilab.lab.actions import complaints
from reilab.lab.headline import shown_words
from reilab.lab.model import Lab
from reilab.lab.titles import state_words, status_detail
from reilab.lab.view import ERROR_MAP
from reilab.show.panes import MEASUREMENT, PINV, TRUTH
from reilab.show.results import BASELINE
from reilab.show.scene import ERROR_TITLE, Shot
from reilab.show.words import NO_NEWS, group_text, method_colour, method_title

HINT = (
    "Drag to move, Ctrl + wheel or two fingers to zoom, double click for the whole image. Drag "
    "with Shift or the right button: to the right for less contrast, upward for brighter."
)


def standing_html(lab: Lab, *trouble: str) -> dict[str, str]:
    """Where the run that is shown stands, and what stands in the way: HTML by name."""
    state, detail = "", ""
    if lab.run:
        state, detail = state_words(lab.standing), status_detail(lab.history, lab.standing)
    return {
        "state": state_html(state),
        "detail": narrow_html(lab) + detail_html(detail),
        "progress": progress_html(lab.history.progress, "Progress of the run") if lab.run else "",
        "notice": notice_html("\n".join([*trouble, *complaints(lab)]).split("\n")),
    }


def progress_html(share: float, name: str) -> str:
    """A bar that is so far done, 0 to 1, and what it is called."""
    done = round(100 * share)
    return (
        f'<div class="progress" role="progressbar" aria-label="{name}" '
        f'aria-valuenow="{done}" aria-valuemin="0" aria-valuemax="100">'
        f'<span style="width:{100 * share:.1f}%"></span></div>'
    )


def state_html(words: str) -> str:
    """Where a run stands, told to screen readers as it changes."""
    return words and f'<span class="state" role="status">{escape(words)}</span>'


def narrow_html(lab: Lab) -> str:
    """Which run is shown, where the head of the page has no room to say it."""
    return f'<span class="narrow">{escape(shown_words(lab))}</span>' if lab.run else ""


def detail_html(words: str) -> str:
    """Step, pace and time to go."""
    return f'<span class="quiet reilab-status">{escape(words)}</span>'


def notice_html(lines: Sequence[str]) -> str:
    """What stands in the way, or nothing."""
    words = "<br>".join(escape(line) for line in lines if line)
    return words and f'<div class="notice reilab-notice" role="alert">{words}</div>'


def list_html(lines: Sequence[str]) -> str:
    """A list of lines, or nothing."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if lines else ""


STARTING = "<strong>The run is starting</strong><p>The images appear in a few seconds.</p>"


def introduction(lab: Lab) -> str:
    """What to press; once a run is going, what is coming."""
    summary = escape(lab.choices.chosen_task.summary)
    if lab.live or lab.queued:
        words = STARTING
    elif lab.hands.tied:
        words = (
            f"<strong>This page watches</strong><p>{summary} All runs lists those that others "
            "train: open one, and follow it.</p>"
        )
    else:
        words = (
            f"<strong>Press Train</strong><p>{summary} Each chosen method learns by itself from "
            "such measurements, and you watch its images get better. Everything can stay as it is "
            "set.</p>"
        )
    return f'<div class="opening">{words}</div>'


def news_html(group: str, news: float | None) -> str:
    """What the group can teach of what A does not see: the identifiability meter, in words."""
    if news is None:
        return ""
    told = escape(group_text(group, news))
    if news < NO_NEWS:
        return f'<div class="notice reilab-news" role="status">{told}</div>'
    return (
        f'<div class="reilab-news meter" role="status"><span class="bar" aria-hidden="true">'
        f'<span style="width:{100 * news:.0f}%"></span></span><span>{told}</span></div>'
    )


def example_html(name: str, caption: str) -> str:
    """What is shown below the outlook: a run that was trained before."""
    return (
        "<h2>What learning does</h2>"
        f'<p class="quiet">The example {escape(name)} ({escape(caption)}), trained before: move '
        "the slider, or press Play, and see the methods learn.</p>"
    )


UNTRAINED = (
    ' · <span title="At step 0 nothing is learned: what a network makes of A†y is arbitrary, and '
    'may be better or worse than A†y.">untrained</span>'
)


def head_html(shot: Shot) -> str:
    """The name of a pane with its colour, and what it shows or how good it is."""
    chip = f'<span class="chip" style="background:{shot.colour}"></span>'
    name = f'<span class="name" title="{escape(shot.title)}">{escape(shot.title)}</span>'
    # A method of a log may have any name.
    key = escape(shot.key)
    if shot.key == MEASUREMENT:
        numbers = "what the methods see"
    elif shot.key == TRUTH:
        numbers = "what is to be found"
    elif shot.part and shot.metrics and shot.metrics.psnr_null is not None:
        numbers = (
            f'seen <b class="reilab-range-{key}">{shot.metrics.psnr_range:.2f}</b> · unseen '
            f'<b class="reilab-null-{key}">{shot.metrics.psnr_null:.2f}</b> dB'
        )
    elif shot.metrics:
        numbers = (
            f'<b class="reilab-psnr-{key}">{shot.metrics.psnr:.2f}</b> dB'
            f' · SSIM <b class="reilab-ssim-{key}">{shot.metrics.ssim:.3f}</b>'
            f"{UNTRAINED if shot.judged and not shot.step else ''}"
        )
    else:
        numbers = f"step {shot.step:,}" if shot.judged else "what the networks begin with"
    return f'<div class="title">{chip}{name}</div><div class="numbers">{numbers}</div>'


#: Lengths of strokes and gaps, as Bokeh has them.
STROKES = {"dashed": "6", "dotted": "2 4", "dotdash": "2 4 6 4", "dashdot": "6 4 2 4"}


def row_head(
    letter: str, title: str, facts: Mapping[str, str], named: Mapping[str, tuple[str, str]]
) -> str:
    """What stands above the images of one of several runs: which it is, and its settings."""
    told = [
        f"{named[n][0]} <b>{escape(text)}</b> {escape(named[n][1])}" for n, text in facts.items()
    ]
    return (
        f'<div class="row-head"><b class="letter">{letter}</b><span class="name">{escape(title)}'
        f'</span><span class="quiet">{" · ".join(told)}</span></div>'
    )


def key_html(dashed: Sequence[tuple[str, str]], keys: Sequence[str]) -> str:
    """The key of curves: a dash for each run, or for terms of a loss; a colour for each method."""
    dashes = (
        f'<span><svg width="34" height="8" aria-hidden="true"><path d="M0 4H34" '
        f'stroke="currentColor" stroke-width="2" stroke-dasharray="{STROKES.get(dash, "none")}"/>'
        f"</svg> {escape(words)}</span>"
        for words, dash in dashed
    )
    colours = (
        f'<span><span class="chip" style="background:{method_colour(key)}"></span> '
        f"{escape(BASELINE if key == PINV else method_title(key))}</span>"
        for key in keys
    )
    return f'<div class="key">{"".join([*colours, *dashes])}</div>'


def awaited_html(method: str) -> str:
    """The place of a method whose first image is still to come."""
    chip = f'<span class="chip" style="background:{method_colour(method)}"></span>'
    return (
        f'<div class="reilab-awaited-{escape(method)}"><div class="title">{chip}<span class="name">'
        f'{escape(method_title(method))}</span></div><div class="numbers">its first image is coming'
        '</div><div class="awaited"></div></div>'
    )


def error_html(shot: Shot) -> str:
    """What stands above an error map."""
    nmse = f"NMSE {shot.metrics.nmse:.4f}" if shot.metrics else ""
    return f'<div class="caption"><span>{ERROR_TITLE}</span><span>{nmse}</span></div>'


def measured_html(shot: Shot) -> str:
    """What stands above a picture of the measurement, where it is below the ground truth."""
    return f'<div class="caption"><span class="name">y: {escape(shot.title)}</span></div>'


def description(shot: Shot) -> str:
    """What a pane shows, for those who cannot see it."""
    if not shot.metrics:
        return shot.title
    return (
        f"{shot.title} at step {shot.step}: PSNR {shot.metrics.psnr:.2f} dB, "
        f"SSIM {shot.metrics.ssim:.3f}"
    )


def scale_html(end: float, note: str = "") -> str:
    """What is shown, how to move it, and the scale that error maps share; no scale for 0."""
    told = f'<span class="reilab-note">{escape(note)}</span>' if note else ""
    bar = bar_html(f"Error {ERROR_TITLE}, of the image range", ERROR_MAP, "0", f"≥ {end:g}")
    return f'<div class="scale">{told}<span class="quiet">{HINT}</span>{bar if end else ""}</div>'


def bar_html(words: str, palette: Sequence[str], low: str, high: str) -> str:
    """A scale of colours with its ends."""
    stops = ", ".join(palette[:: (len(palette) - 1) // 5])
    return (
        f'<span class="key"><span class="words">{escape(words)}</span><span>{low}</span>'
        f'<span class="bar" style="background:linear-gradient(to right, {stops})" role="img" '
        f'aria-label="Colours from {low} to {high}"></span><span>{high}</span></span>'
    )
