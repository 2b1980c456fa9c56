"""Ctrl-C and a request to end, heard between episodes."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """SIGINT and SIGTERM as something to look at between episodes, never inside a write."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.received: signal.Signals | None = None
        self.fd, self._wake = os.pipe()
        self._before: dict[signal.Signals, Any] = {}

    def _note(self, number: int, _: FrameType | None) -> None:
        self.received = signal.Signals(number)
        os.write(self._wake, b"!")

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python's own condition
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.fd)
        os.close(self._wake)
