"""Cases: the worst and the best image of a network as one picture."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from reilab.show.panes import to_pixels
from reilab.trained.assess import Assessment

PANE_INCHES = 2.6


def save_cases(start: Assessment, network: Assessment, truth: Tensor | None, path: Path) -> None:
    """Ground truth where known, A†y and the network's image, of its worst and its best case.

    Args:
        start: of A†y.
        network: of the network, on the same measurements.
        truth: what is to be found, (N, C, H, W).
        path: of the PNG file.
    """
    # Loaded here because it takes a second, and nothing else of an evaluation needs it.
    from matplotlib.figure import Figure

    order = network.ranking()
    cases = {"worst": order[0], "best": order[-1]} if len(order) > 1 else {"only": order[0]}
    columns = {} if truth is None else {"ground truth": truth}
    columns |= {one.method: one.images for one in (start, network)}
    size = (PANE_INCHES * len(columns), (PANE_INCHES + 0.5) * len(cases) + 0.3)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    figure.suptitle(f"{network.method}, noise {network.noise:g}")
    axes = figure.subplots(len(cases), len(columns), squeeze=False)
    for row, (case, index) in zip(axes, cases.items(), strict=True):
        for axis, (name, images) in zip(row, columns.items(), strict=True):
            pixels = to_pixels(images[index].permute(1, 2, 0).float().cpu().numpy(), 0, 1)
            axis.imshow(pixels, cmap="gray", vmin=0, vmax=255)
            marked = {start.method: start, network.method: network}.get(name)
            axis.set_title(_told(name, marked, index), fontsize=9)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"{case}: image {index}")
    figure.savefig(path)


def _told(name: str, marked: Assessment | None, index: int) -> str:
    if marked is None:
        return name
    if "psnr" in marked.marks:
        marks = marked.marks
        return f"{name}\n{marks['psnr'][index]:.2f} dB, SSIM {marks['ssim'][index]:.3f}"
    return f"{name}\nSURE {marked.marks['sure'][index]:.3g}"
