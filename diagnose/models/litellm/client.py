"""The worker's side: a request goes to the gateway, or to a service in this very process."""

import asyncio
import contextlib
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import diagnose
from diagnose.errors import InfrastructureError, StoppedError
from diagnose.journal import running
from diagnose.models import Caps
from diagnose.models.litellm.gateway import (
    GRACE_S,
    OPENER,
    SOCKET,
    STDERR,
    SUMMARY,
    WAITING,
    Answering,
)
from diagnose.models.litellm.service import unpacked
from diagnose.redaction import Redactor, secret_variables

READ = 1 << 16
_open: list[Path] = []  # the private folders of gateways that run now
LONGEST_PATH = 100  # bytes that a Unix socket's address may take, with room


def ask(place: Path, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask the gateway at ``place`` and wait for its answer.

    Raises:
        InfrastructureError: the gateway died under this call (it is started again).
        StoppedError: the gateway is gone for good.
        DiagnoseError: whatever came of the call.
    """
    parts: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as link:
        try:
            link.connect(str(place / SOCKET))
        except OSError as error:
            raise StoppedError(
                "the gateway to the provider is gone; what is recorded is kept; the same command "
                f"continues{_last_words(place)}"
            ) from error
        try:
            link.sendall(json.dumps(request).encode() + b"\n")
            while part := link.recv(READ):
                parts.append(part)
        except OSError as error:
            raise InfrastructureError("gateway_died", str(error.strerror)) from error
    raw = b"".join(parts)
    if not raw.endswith(b"\n"):
        raise InfrastructureError("gateway_died", "it is started again")
    return unpacked(raw)


def _last_words(place: Path) -> str:
    try:
        lines = (place / STDERR).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    said = [line.strip() for line in lines if line.strip()]
    shown = Redactor(secret_variables().values()).error(said[-1]) if said else ""
    return f" (it said: {shown})" if shown else ""


@contextmanager
def gateway(
    settings: Mapping[str, Any],
    folder: Path,
    caps: Mapping[str, Any],
    say: Callable[[str], None],
    opener: str = OPENER,
) -> Iterator[Path]:
    """Start the gateway; yields its private folder. It ends with the block.

    While it runs, the variables that hold secrets are its own: this process and what it forks do
    not see them.
    """
    place = Path(tempfile.mkdtemp(prefix="diagnose-"))  # 0700
    if len(os.fsencode(place / SOCKET)) > LONGEST_PATH:
        place.rmdir()
        place = Path(tempfile.mkdtemp(prefix="diagnose-", dir="/tmp"))  # 0700 too
    hidden = secret_variables([name] if (name := settings.get("api_key_env")) else [])
    root = str(Path(diagnose.__file__).parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    where = str(folder.resolve())
    given: dict[str, Any] = {"settings": settings, "folder": where, "caps": caps, "opener": opener}
    given |= {"journal": journal_of(settings.get("api_key_env", ""))}
    with (place / STDERR).open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "diagnose.models.litellm.gateway"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is the study's to hear
            env={**os.environ, "PYTHONPATH": path},
        )
    assert process.stdin is not None
    try:
        with contextlib.suppress(OSError):  # it died at once: the first call tells
            process.stdin.write(json.dumps({**given, "place": str(place)}).encode() + b"\n")
            process.stdin.flush()
        for name in hidden:
            del os.environ[name]
        _wait_for(process, place)
        _open.append(place)
        yield place
    finally:
        _open[:] = [one for one in _open if one != place]
        os.environ.update(hidden)
        _end(process)
        with contextlib.suppress(OSError):
            for line in (place / SUMMARY).read_text(encoding="utf-8").splitlines():
                say(line)
        shutil.rmtree(place, ignore_errors=True)


def journal_of(also: str) -> list[Any] | None:
    """Return how another process keeps this one's journal; None where there is none."""
    here = running()
    return here and [str(here[0].parent.resolve()), here[1], {}, [also] if also else []]


def waiting() -> str:
    """Return what calls of this process's gateways wait for, in words; empty for nothing."""
    causes: Counter[str] = Counter()
    until_s = math.inf
    for place in _open:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            said = json.loads((place / WAITING).read_bytes())
            causes.update(said["causes"])
            until_s = min(until_s, said["until_s"]) if said["causes"] else until_s
    if not causes:
        return ""
    named = ", ".join(f"{count} {cause}" for cause, count in causes.most_common())
    return f"waiting: {named}, next in {max(0.0, until_s - time.time()):.0f} s"


def _wait_for(process: "subprocess.Popen[bytes]", place: Path) -> None:
    """Wait until the socket listens: some tenths of a second; litellm loads behind it."""
    while process.poll() is None:
        with socket.socket(socket.AF_UNIX) as link, contextlib.suppress(OSError):
            link.connect(str(place / SOCKET))
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(GRACE_S + 5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Local:
    """The service in this process, for use without a study."""

    def __init__(self, settings: Mapping[str, Any], opener: str = OPENER) -> None:
        """Load it.

        Raises:
            ConfigError: a setting is wrong or the key is missing.
        """
        self.pid = os.getpid()
        self._loop = _own_loop()
        opened = import_module(opener).opened
        self._service: Answering = opened(settings, None, vars(Caps()))

    def ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask and wait; raises as ``Service.answer``."""
        asked = asyncio.run_coroutine_threadsafe(self._service.answer(request), self._loop)
        return asked.result()


@cache
def _loop_of(_pid: int) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def _own_loop() -> asyncio.AbstractEventLoop:
    """Return this process's event loop, in a thread of its own: litellm's clients live in one."""
    return _loop_of(os.getpid())
