"""The process that talks to providers for a study: workers ask it over a Unix socket.

Two processes: a small one holds the socket and starts the other, which loads litellm, again when it
dies. Workers that connect in between wait in the socket's queue. Both end with the study: when its
process is gone, its end of their standard input is.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from diagnose.errors import DiagnoseError
from diagnose.journal import kept
from diagnose.models import Caps
from diagnose.models.litellm.service import Service, packed
from diagnose.models.litellm.settings import Price, Settings
from diagnose.redaction import Redactor, secret_variables

SOCKET, ANSWERED, SUMMARY, STDERR = "socket", "answered", "summary", "stderr"
WAITING = "waiting"  # what calls wait for, as Service.waiting says
TELL_EVERY_S = 0.5
QUEUE = 4096  # workers that wait to be heard
GRACE_S = 5.0  # for calls in flight when the study ends: they are paid for
FUTILE = 3  # deaths in a row without one answer: it will not live
OPENER = "diagnose.models.litellm.gateway"  # the module whose ``opened`` makes what is served


class Answering(Protocol):
    """What a gateway serves: ``Service``, or another that answers requests of the same form."""

    async def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer to a request at its place."""
        ...

    def summary(self) -> list[str]:
        """Return what to tell at the end of a run."""
        ...

    async def close(self, grace_s: float) -> None:
        """Begin no more calls, and let go of the log."""
        ...


def opened(settings: Mapping[str, Any], folder: str | None, caps: Mapping[str, Any]) -> Service:
    """Return the service that plain values describe."""
    price = settings["price"]
    chosen = Settings(**{**settings, "price": Price(**price) if price else None})
    return Service(chosen, Path(folder) if folder else None, Caps(**caps))


class _Server:
    """Serves one service on one socket."""

    def __init__(self, service: Answering | DiagnoseError, place: Path) -> None:
        self._service, self._place = service, place
        self._redactor = Redactor(secret_variables().values())

    async def serve(self, listener: socket.socket) -> None:
        """Answer until the study is gone."""
        loop = asyncio.get_running_loop()
        gone = asyncio.Event()
        loop.add_reader(sys.stdin.fileno(), gone.set)  # nothing is ever written: it has ended
        server = await asyncio.start_unix_server(self._connected, sock=listener, limit=2**30)
        telling = asyncio.create_task(self._tell_waits())
        await gone.wait()
        telling.cancel()
        server.close()
        if not isinstance(self._service, DiagnoseError):
            await self._service.close(GRACE_S)
            lines = "\n".join(self._service.summary())
            (self._place / SUMMARY).write_text(self._redactor.text(lines), encoding="utf-8")

    async def _tell_waits(self) -> None:
        """Say, for the study's progress to show, what calls wait for."""
        before = ""
        while isinstance(self._service, Service):
            now = json.dumps(self._service.waiting())
            if now != before:
                with contextlib.suppress(OSError):  # a disk that is full hides the waits
                    scratch = self._place / f"{WAITING}.new"
                    scratch.write_text(now, encoding="utf-8")
                    scratch.replace(self._place / WAITING)
                    before = now
            await asyncio.sleep(TELL_EVERY_S)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # the worker is gone; its call is logged anyway
            answer = await self._answer(await reader.readline())
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
            (self._place / ANSWERED).touch()
        writer.close()

    async def _answer(self, line: bytes) -> Mapping[str, Any]:
        try:
            if isinstance(self._service, DiagnoseError):
                raise self._service
            return await self._service.answer(json.loads(line))
        except DiagnoseError as error:
            return packed(error)
        except Exception:  # noqa: BLE001 - the process boundary: the trace goes to the study
            said = self._redactor.error(traceback.format_exc())
            return {"error": "bug", "content": [said]}


def _child(given: Mapping[str, Any], listener: socket.socket, place: Path) -> None:
    """Load the service and serve; an error found at the start is every call's answer."""
    service: Answering | DiagnoseError
    try:
        opener = import_module(given["opener"]).opened
        service = opener(given["settings"], given["folder"], given["caps"])
    except DiagnoseError as error:
        service = error
    with kept(*given["journal"]) if given.get("journal") else contextlib.nullcontext():
        asyncio.run(_Server(service, place).serve(listener))


def main() -> int:
    """Read what to serve, one line, and serve it until standard input ends."""
    raw = bytearray()
    while not raw.endswith(b"\n"):
        raw += os.read(sys.stdin.fileno(), 1) or b"\n"
    given = json.loads(raw)
    place = Path(given["place"])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place / SOCKET))
    listener.listen(QUEUE)
    futile = 0
    while futile < FUTILE:
        (place / ANSWERED).unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _die_with_parent()
                _child(given, listener, place)
                code = 0
            except BaseException:  # noqa: BLE001 - the end of a process: its trace is kept
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) == 0:
            return 0
        futile = 0 if (place / ANSWERED).exists() else futile + 1
    return 1


def _die_with_parent() -> None:
    """Have the kernel end this process when the one that holds the socket is gone (Linux)."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    sys.exit(main())
