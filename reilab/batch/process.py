"""``python process.py SOURCE TARGET STOP PARAMETERS``: executes a notebook and keeps it.

It ends when the process that started it does, so that a grid that was killed leaves nothing behind,
and some time after the file STOP has appeared. It is run as a file and imports nothing of reilab,
which only the notebook's kernel needs to load.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from threading import Thread

import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

POLL_SECONDS = 0.2
#: A run that sees the file saves its state and ends; evaluation is the longest it may be busy with.
GRACE_SECONDS = 20.0
#: The status of a cell whose kernel was killed; ``EX_TEMPFAIL``, which Windows has no name for.
KERNEL_KILLED = 75


def main(source: str, target: str, stop: Path, parameters: str) -> None:
    """Execute a notebook; status 1, and the reason as last line, if it fails.

    Status ``KERNEL_KILLED`` if its kernel was killed: nothing is wrong with the notebook.
    """
    Thread(target=_watch, args=(stop, os.getppid()), daemon=True).start()
    try:
        papermill.execute_notebook(
            source,
            target,
            parameters=json.loads(parameters),
            kernel_name="python3",
            progress_bar=False,
        )
    except PapermillExecutionError as error:
        print(" ".join(f"{error.ename}: {error.evalue}".split()))
        raise SystemExit(1) from None
    except DeadKernelError:
        print("its kernel was killed (often: out of memory)")
        raise SystemExit(KERNEL_KILLED) from None


def _watch(stop: Path, parent: int) -> None:
    """End this process, and with it the kernel, when the parent has ended or time has run out."""
    left = GRACE_SECONDS
    while os.getppid() == parent and left > 0:
        time.sleep(POLL_SECONDS)
        if stop.exists():
            left -= POLL_SECONDS
    # The kernel sees by itself that its parent has gone.
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
