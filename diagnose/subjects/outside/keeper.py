"""Run as a script: starts a command and ends with it, or with whoever holds its standard input.

A worker that is killed cannot clean up, and an agent that outlives it goes on spending. So the agent
and all it starts share this script's process group, and the worker's end is seen as an end of file.
"""

import os
import signal
import subprocess
import sys
import threading


def _watch() -> None:
    """Kill the whole group, this process included, when the other side lets go."""
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def main(command: list[str]) -> None:
    """Run the command; write its exit code, negative for a signal, on descriptor 3."""
    threading.Thread(target=_watch, daemon=True).start()
    with open(4, "rb", closefd=True) as given:
        code = subprocess.run(command, stdin=given, check=False).returncode
    os.write(3, str(code).encode())
    os._exit(0)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        os.write(3, f"cannot start {sys.argv[1]}: {error.strerror}".encode())
        os._exit(1)
