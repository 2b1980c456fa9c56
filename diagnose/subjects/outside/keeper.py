"""Run as a script: starts a command and ends with it, or with whoever holds its standard input.

A worker that is killed cannot clean up, and an agent that outlives it goes on spending. So the
agent and all it starts share this script's process group, and the worker's end is seen as an end of
file.

usage: keeper.py IN OUT ERR COMMAND ...      prints the exit code, negative for a signal
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path


def _watch() -> None:
    """Kill the whole group, this process included, when the other side lets go."""
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def main(given: str, out: str, err: str, *command: str) -> None:
    """Run the command between files and print how it ended."""
    threading.Thread(target=_watch, daemon=True).start()
    with (
        Path(given).open("rb") as stdin,
        Path(out).open("wb") as stdout,
        Path(err).open("wb") as stderr,
    ):
        try:
            done = subprocess.run(command, stdin=stdin, stdout=stdout, stderr=stderr, check=False)
        except OSError as error:
            print(error.strerror, flush=True)
        else:
            print(done.returncode, flush=True)
    os._exit(0)  # the watch still waits


if __name__ == "__main__":
    main(*sys.argv[1:])
