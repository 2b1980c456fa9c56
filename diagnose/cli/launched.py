"""A sweep's job where a launcher put it: ``diagnose run`` in a process of its own.

A launcher's worker is a process full of threads (Ray's, joblib's), and a study forks its workers;
so the job is a command again, with the overrides that Hydra gave it, and it ends with its launcher.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from diagnose.cli import jobs
from diagnose.cli.main import OK, STOPPED
from diagnose.errors import DiagnoseError, StoppedError

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a child gets when its parent is gone


def run_launched(overrides: Sequence[str], folder: Path) -> None:
    """Run the study of ``overrides`` from ``folder``, and wait for it.

    Raises:
        StoppedError: it stopped with nothing wrong (a cap).
        DiagnoseError: it failed or was interrupted; its own output says why.
    """
    parent, libc = os.getpid(), ctypes.CDLL(None)

    def die_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was gone before that
            os._exit(1)

    command = [sys.executable, "-m", "diagnose", "run", *overrides]
    told = {**os.environ, jobs.VARIABLE: json.dumps(jobs.of_hydra())}
    done = subprocess.run(command, cwd=folder, env=told, check=False, preexec_fn=die_with_parent)
    if done.returncode != OK:
        said = f"diagnose run {' '.join(overrides)}: ended with exit code {done.returncode}"
        kind = StoppedError if done.returncode == STOPPED else DiagnoseError
        raise kind(f"{said}; what it printed says why")
