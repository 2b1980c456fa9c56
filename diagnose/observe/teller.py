"""A process beside the study that tells one receiver: ``python -m diagnose.observe.teller``.

Standard input brings one line, what to tell; then, when the study has ended, one word, how. An end
of input without that word is a study that was killed. What a receiver does not take is told again,
at longer and longer intervals; how far it has come stands in ``told-KIND.json`` beside the records.
The last line of standard output says what was told; the exit code is 0 if all of it was.
"""

import contextlib
import json
import logging
import os
import select
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from diagnose.appender import disk_error
from diagnose.journal import kept, tell

POLL_S = 2.0
LONGEST_WAIT_S = 60.0  # between two attempts at a receiver that does not answer
LEFT = 3  # the exit code where something is left to tell
_log = logging.getLogger(__name__)


class Receiver(Protocol):
    """Someone who is told. Each method raises whatever its client raises."""

    @property
    def state(self) -> dict[str, Any]:
        """How far it has come, as JSON."""
        ...

    def poll(self) -> None:
        """Tell what is new."""
        ...

    def finish(self, state: str) -> None:
        """Tell how the study ended, after a last ``poll``."""
        ...

    def said(self) -> str:
        """Return what was told, in words."""
        ...


def receiver(kind: str, home: Path, told: Mapping[str, Any], given: Mapping[str, Any]) -> Receiver:
    """Return the receiver of a kind; its client is loaded here."""
    if kind == "otel":
        from diagnose.observe.traces import Traces

        return Traces(home, told, given)
    from diagnose.observe.tracking import Tracking

    return Tracking(home, told, given)


def state_file(home: Path, kind: str) -> Path:
    """Return where it stands how far a receiver has been told."""
    return home / f"told-{kind}.json"


class Teller:
    """Tells one receiver until it has been told all."""

    def __init__(self, kind: str, home: Path, given: Mapping[str, Any]) -> None:
        """Go on where the last one stopped."""
        self._kind, self._file = kind, state_file(home, kind)
        told: Any = {}
        with contextlib.suppress(OSError, ValueError):
            told = json.loads(self._file.read_bytes())
        self.receiver = receiver(kind, home, told if isinstance(told, dict) else {}, given)
        self._faults = 0
        self._next_s = 0.0
        self.problem = ""

    def attempt(self, state: str | None = None) -> bool:
        """Tell what is new, or the end, if it is time to; return whether it was taken."""
        if time.monotonic() < self._next_s:
            return False
        try:
            self.receiver.poll()
            if state:
                self.receiver.finish(state)
        except Exception as error:  # noqa: BLE001 - any client, any fault: the study goes on
            self._faults += 1
            self.problem = f"{type(error).__name__}: {error}"
            wait_s = min(LONGEST_WAIT_S, POLL_S * 2.0 ** (self._faults - 1))
            self._next_s = time.monotonic() + wait_s
            why = {"detail": self.problem, "attempt": self._faults, "wait_s": wait_s}
            tell(_log, logging.WARNING, "receiver_failed", receiver=self._kind, **why)
            return False
        finally:
            self._keep()
        if self._faults:
            tell(_log, logging.INFO, "receiver_recovered", receiver=self._kind)
        self._faults, self._next_s = 0, 0.0
        return True

    def _keep(self) -> None:
        scratch = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            if self.receiver.state:
                scratch.write_text(json.dumps(self.receiver.state), encoding="utf-8")
                scratch.replace(self._file)
        except OSError as error:
            tell(_log, logging.WARNING, "cursor_not_kept", detail=str(disk_error(scratch, error)))

    def until_told(self, state: str, grace_s: float) -> bool:
        """Tell the end, again and again while there is time; return whether it was taken."""
        until = time.monotonic() + grace_s
        self._next_s = 0.0
        while not self.attempt(state):
            if time.monotonic() >= until:
                return False
            self._next_s = min(self._next_s, time.monotonic() + POLL_S)
            time.sleep(min(0.2, POLL_S))
        return True


def main() -> int:
    """Tell until standard input says how the study ended, or ends itself."""
    given = json.loads(_line())
    journal = kept(*given["journal"]) if given.get("journal") else contextlib.nullcontext()
    with journal:
        try:
            one = Teller(given["kind"], Path(given["home"]), given)
        except Exception as error:  # noqa: BLE001 - the end of a process: it says why
            tell(_log, logging.ERROR, "receiver_failed", receiver=given["kind"], detail=str(error))
            print(f"{type(error).__name__}: {error}")
            return LEFT
        while not select.select([sys.stdin.fileno()], [], [], POLL_S)[0]:
            one.attempt()
        state = _line().strip() or "stopped"
        taken = one.until_told(state, float(given["grace_s"]))
    print(one.receiver.said() if taken else one.problem)
    return 0 if taken else LEFT


def _line() -> str:
    raw = bytearray()
    while not raw.endswith(b"\n"):
        part = os.read(sys.stdin.fileno(), 1)
        if not part:
            break
        raw += part
    return raw.decode()


if __name__ == "__main__":
    sys.exit(main())
