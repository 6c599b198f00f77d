"""The order of images and weights in memory."""

from __future__ import annotations

import torch


def layout(device: torch.device) -> torch.memory_format:
    """The order in which the convolutions of a training step are fastest on ``device``.

    Channels last on CPUs with AVX-512, and on GPUs, where it is the order of the tensor cores and
    was not measured. On CPUs that have AVX2 only, oneDNN's gradient of the weights takes twice as
    long in that order (``docs/LOG.md``).
    """
    slow = device.type == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX2"
    return torch.contiguous_format if slow else torch.channels_last
