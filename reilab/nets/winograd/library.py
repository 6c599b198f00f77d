"""The kernels in C++, compiled for this machine and kept."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch

HERE = Path(__file__).parent
#: What the compiler may use, by the capability that torch names.
CAPABILITIES = {"AVX2": ("-mavx2", "-mfma"), "AVX512": ("-mavx512f", "-mfma")}
#: Threads are those of torch: OpenMP is not linked but found in the process, where torch has it.
COMPILE = ("-O3", "-std=c++17", "-fopenmp", "-fPIC", "-c")
LINK = ("-shared",)


class UnavailableError(RuntimeError):
    """Why this machine cannot have the kernels, and what would help."""


class Convolution(ctypes.Structure):
    """``Convolution`` of ``tiles.h``."""

    _fields_ = [
        *((name, ctypes.c_int) for name in ("images", "height", "width", "n_in", "n_out")),
        *((name, ctypes.c_int) for name in ("doubled", "halved", "threads")),
        ("strides", ctypes.c_long * 4),
    ]


@cache
def library() -> ctypes.CDLL:
    """The library for this machine; the first call of all takes seconds, for the compiler.

    Raises:
        UnavailableError: another processor, no compiler, or one that fails.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in CAPABILITIES:
        raise UnavailableError(f"it needs a processor with AVX2 or AVX-512, this has {capability}")
    return load(build(CAPABILITIES[capability]))


def available() -> bool:
    """Whether ``library`` will serve; compiles it if it must."""
    try:
        library()
    except UnavailableError:
        return False
    return True


def build(flags: Sequence[str], folder: Path | None = None) -> Path:
    """The compiled library in ``folder``, made if it is not there.

    Args:
        flags: of the compiler, added to ``COMPILE``.
        folder: where libraries are kept, ``$XDG_CACHE_HOME/reilab`` if left out.

    Raises:
        UnavailableError: no compiler, or one that fails.
    """
    sources = sorted([*HERE.glob("*.h"), *HERE.glob("*.cpp")])
    recipe = [*flags, *COMPILE, *LINK, *(source.read_text("utf-8") for source in sources)]
    name = f"winograd-{hashlib.sha256(''.join(recipe).encode()).hexdigest()[:16]}.so"
    made = (folder or _cache()) / name
    if not made.exists():
        _compile(flags, made)
    return made


def load(path: Path) -> ctypes.CDLL:
    """The library at ``path``, with the types of its functions.

    Raises:
        UnavailableError: it needs what the process does not have.
    """
    try:
        found = ctypes.CDLL(os.fspath(path))
    except OSError as error:
        raise UnavailableError(f"its library cannot be loaded: {error}") from error
    pointer = ctypes.c_void_p
    found.convolve.argtypes = [ctypes.POINTER(Convolution), pointer, pointer, pointer, pointer]
    found.weight_gradient.argtypes = [ctypes.POINTER(Convolution), pointer, pointer, pointer]
    found.convolve.restype = found.weight_gradient.restype = None
    return found


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reilab"


def _compile(flags: Sequence[str], made: Path) -> None:
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise UnavailableError("it needs a C++ compiler: install g++, or name one in CXX")
    try:
        made.parent.mkdir(parents=True, exist_ok=True)
        # Made elsewhere and moved: another process may look for it at any time.
        with tempfile.TemporaryDirectory(dir=made.parent) as place:
            part, whole = Path(place) / "kernels.o", Path(place) / "kernels.so"
            for words in (
                [*COMPILE, *flags, os.fspath(HERE / "kernels.cpp"), "-o", os.fspath(part)],
                [*LINK, os.fspath(part), "-o", os.fspath(whole)],
            ):
                subprocess.run([compiler, *words], check=True, capture_output=True, text=True)
            whole.replace(made)
    except subprocess.CalledProcessError as error:
        raise UnavailableError(f"{compiler} fails to compile it: {error.stderr[-500:]}") from error
    except OSError as error:
        raise UnavailableError(f"it cannot be compiled into {made.parent}: {error}") from error
