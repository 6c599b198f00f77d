"""The kernels in C++, compiled for this machine and kept."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
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


def library() -> ctypes.CDLL:
    """The library for this machine; the first call of all takes seconds, for the compiler.

    Raises:
        UnavailableError: another processor, no compiler, or one that fails.
    """
    found = _attempt()
    if isinstance(found, UnavailableError):
        raise found
    return found


def available() -> bool:
    """Whether ``library`` will serve; compiles it if it must."""
    return not isinstance(_attempt(), UnavailableError)


@cache
def _attempt() -> ctypes.CDLL | UnavailableError:
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in CAPABILITIES:
        return UnavailableError(f"it needs a processor with AVX2 or AVX-512, this has {capability}")
    try:
        return build(CAPABILITIES[capability], _cache())
    except RuntimeError as error:  # of Path.home() too
        return UnavailableError(str(error))


def build(flags: Sequence[str], folder: Path) -> ctypes.CDLL:
    """The library that is kept in ``folder``, compiled if it is not there or does not load.

    Args:
        flags: of the compiler, added to ``COMPILE``.
        folder: where libraries are kept.

    Raises:
        UnavailableError: no compiler, one that fails, or no place for the library.
    """
    sources = sorted([*HERE.glob("*.h"), *HERE.glob("*.cpp")])
    recipe = [*flags, *COMPILE, *LINK, *(source.read_text("utf-8") for source in sources)]
    name = f"winograd-{hashlib.sha256(''.join(recipe).encode()).hexdigest()[:16]}.so"
    try:
        return _load(folder / name)
    except OSError:  # not there, or of another machine that shares the folder
        return _compile(flags, folder / name)


def _load(path: Path) -> ctypes.CDLL:
    """The library at ``path``, with the types of its functions."""
    found = ctypes.CDLL(os.fspath(path))
    pointer = ctypes.c_void_p
    found.convolve.argtypes = [ctypes.POINTER(Convolution), pointer, pointer, pointer, pointer]
    found.weight_gradient.argtypes = [ctypes.POINTER(Convolution), pointer, pointer, pointer]
    found.convolve.restype = found.weight_gradient.restype = None
    return found


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reilab"


def _compile(flags: Sequence[str], made: Path) -> ctypes.CDLL:
    compiler = shlex.split(os.environ.get("CXX", "")) or _found_compiler()
    try:
        made.parent.mkdir(parents=True, exist_ok=True)
        # Made elsewhere and moved when it works: another process may look for it at any time.
        with tempfile.TemporaryDirectory(dir=made.parent) as place:
            part, whole = Path(place) / "kernels.o", Path(place) / "kernels.so"
            for words in (
                [*COMPILE, *flags, os.fspath(HERE / "kernels.cpp"), "-o", os.fspath(part)],
                [*LINK, os.fspath(part), "-o", os.fspath(whole)],
            ):
                subprocess.run(
                    [*compiler, *words],
                    check=True,
                    capture_output=True,
                    encoding="utf-8",
                    errors="replace",
                )
            found = _load(whole)
            whole.replace(made)
            return found
    except subprocess.CalledProcessError as error:
        name = shlex.join(compiler)
        raise UnavailableError(f"{name} fails to compile it: {error.stderr[:500]}") from error
    except OSError as error:
        raise UnavailableError(
            f"{shlex.join(compiler)} cannot make it in {made.parent} (XDG_CACHE_HOME names another "
            f"place): {error}"
        ) from error


def _found_compiler() -> list[str]:
    found = shutil.which("g++") or shutil.which("c++")
    if found is None:
        raise UnavailableError("it needs a C++ compiler: install g++, or name one in CXX")
    return [found]
