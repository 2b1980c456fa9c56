"""An agent's process, and the socket at which its MCP client finds the episode."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from diagnose.errors import InfrastructureError
from diagnose.subjects.outside.desk import Desk
from diagnose.subjects.outside.server import serve

RELAY = Path(__file__).with_name("relay.py")
KEEPER = Path(__file__).with_name("keeper.py")
MOST_READ = 32_000_000  # bytes of what an agent printed that are looked at
LOOK_EVERY_S = 0.5


def server_command(path: Path) -> tuple[str, list[str]]:
    """Return the command and arguments by which a client starts its server: the relay."""
    return sys.executable, ["-I", str(RELAY), str(path)]


class Listener:
    """Serves a desk to whoever connects to a socket. Use as a context manager.

    An agent may start its server more than once, to look at it or after a fault; all of them act on
    the one episode.
    """

    def __init__(self, desk: Desk, path: Path) -> None:
        """Listen.

        Raises:
            InfrastructureError: the socket cannot be made.
        """
        self._desk = desk
        self._links: list[socket.socket] = []
        self._closing = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.bind(str(path))
        except OSError as error:
            self._socket.close()
            raise InfrastructureError("no_socket", f"{path}: {error}; see TMPDIR") from error
        self._socket.listen()
        self._socket.settimeout(LOOK_EVERY_S)
        self._threads = [threading.Thread(target=self._accept, name="mcp", daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        self._closing.set()
        self._threads[0].join()
        self._socket.close()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                link, _ = self._socket.accept()
                link.settimeout(None)
                self._links.append(link)
                thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, link: socket.socket) -> None:
        with (
            link,
            link.makefile("r", encoding="utf-8", errors="replace", newline="\n") as reader,
            link.makefile("w", encoding="utf-8", newline="\n") as writer,
        ):
            serve(self._desk, reader, writer)


class Process:
    """A command in a process group of its own. Use as a context manager: it does not outlive it.

    Attributes:
        code: its exit code, negative for a signal; None while it runs, or when we killed it.
        fault: why it could not be started; empty if it could.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        files: Path,
        environment: Mapping[str, str],
        gone: Callable[[], None],
    ) -> None:
        """Start it.

        Args:
            command: with its arguments.
            folder: where it works.
            files: where its input lies as ``in``, and what it prints as ``out`` and ``err``.
            environment: all of it.
            gone: called, from a thread, when it has ended.
        """
        self._files = files
        self.code: int | None = None
        self.fault = ""
        streams = [str(files / name) for name in ("in", "out", "err")]
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", str(KEEPER), *streams, *command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._gone = gone
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._waiter.start()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill what is left of its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._keeper.pid, signal.SIGKILL)
        self._waiter.join()
        for stream in (self._keeper.stdin, self._keeper.stdout):
            if stream:
                stream.close()

    def finish(self, grace_s: float) -> None:
        """Wait until it ends by itself, but no longer than that."""
        self._waiter.join(grace_s)

    def printed(self, name: str) -> str:
        """Return what it printed, ``out`` or ``err``."""
        try:
            with (self._files / name).open("rb") as file:
                return file.read(MOST_READ).decode(errors="replace")
        except OSError:
            return ""

    def _wait(self) -> None:
        assert self._keeper.stdout
        said = self._keeper.stdout.read().decode().strip()
        self._keeper.wait()
        if said.lstrip("-").isdigit():
            self.code = int(said)
        elif said:
            self.fault = said
        self._gone()
