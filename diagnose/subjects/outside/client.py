"""The outside agent at this process's standard streams: any client of ``diagnose mcp``."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from diagnose.errors import ConfigError, InfrastructureError
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.loop import Conversation
from diagnose.subjects.outside.desk import Desk
from diagnose.subjects.outside.server import serve
from diagnose.subjects.stage import Stage


class Client:
    """An ``Agent`` that came to us: it plays one episode and may stay connected after it."""

    def __init__(self, label: str = "") -> None:
        """Await a client.

        Args:
            label: the name in records; empty for the client's own.
        """
        self._label = label
        self._streams: tuple[IO[str], IO[str]] | None = None
        self._desk: Desk | None = None
        self._server: threading.Thread | None = None

    @property
    def name(self) -> str:
        """See ``Agent.name``; known when the client has said who it is."""
        client = self._desk.client if self._desk else ""
        return self._label or (f"mcp/{client}" if client else "mcp")

    def attach(self, reader: IO[str], writer: IO[str]) -> None:
        """Take the streams at which the client sits."""
        self._streams = (reader, writer)

    @contextmanager
    def seated(self, stage: Stage, conversation: Conversation, budgets: Budgets) -> Iterator[Desk]:
        """See ``Agent.seated``.

        Raises:
            ConfigError: there is no client to wait for.
            InfrastructureError: the client left without a call.
        """
        if self._streams is None or self._desk:
            raise ConfigError("subject", "mcp", "serve it with diagnose mcp, one episode at a time")
        reader, writer = self._streams
        desk = self._desk = Desk(self.name, stage, budgets.seconds)
        self._server = threading.Thread(
            target=_served, args=(desk, reader, writer), name="mcp", daemon=True
        )
        with desk:
            self._server.start()
            yield desk
        conversation.log["client"] = f"{desk.client} {desk.version}".strip()
        if not desk.calls:
            raise InfrastructureError("no_call", f"{desk.client or 'nobody'} called nothing")

    def leave(self) -> None:
        """End the episode as if the client had left; safe in a signal handler."""
        if self._desk:
            self._desk.leave()

    def linger(self) -> None:
        """Wait until the client leaves; until then it is told that the work has ended."""
        if self._server:
            self._server.join()


def _served(desk: Desk, reader: IO[str], writer: IO[str]) -> None:
    serve(desk, reader, writer)
    desk.leave()
