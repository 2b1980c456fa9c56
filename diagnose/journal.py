"""``log.jsonl``: what happened to a study, one JSON object a line, from whichever of its processes.

Code says what happens through ``logging.getLogger(__name__)``: an event of the study by ``tell``,
with its fields, or any message. ``kept`` brings both to the file. A line is one ``write`` to a file
opened for appending, so that lines of several processes stay whole and a kill cuts none but the
last; a reader passes over what is no line. Nothing said here may hold a transcript, secrets are
taken out, and a disk that is full costs lines of the log, never the study.
"""

import json
import logging
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from diagnose.appender import OWN
from diagnose.errors import ConfigError
from diagnose.redaction import Redactor, secret_values

NAME = "log.jsonl"
LEVELS = ("debug", "info", "warning", "error")
OFF = "off"
OURS = ("diagnose", "analysis", "interventions")  # of other packages' loggers only warnings
LONGEST = 500  # characters of a text
_FIRST = ("time", "level", "event")
_NO_LINE: Mapping[str, Any] = {}


def tell(log: logging.Logger, level: int, event: str, **fields: Any) -> None:
    """Say that ``event`` happened; nothing is printed, and nothing kept without a journal."""
    if log.isEnabledFor(level):
        log.log(level, event, extra={"event": event, "fields": fields})


class Journal(logging.Handler):
    """Writes one study's log.

    Attributes:
        path: the file.
    """

    def __init__(
        self,
        path: Path,
        level: str,
        fixed: Mapping[str, Any] = _NO_LINE,
        secrets: Iterable[str] = (),
    ) -> None:
        """Open or create the file.

        Args:
            path: the file.
            level: one of ``LEVELS``: what is below it is left out.
            fixed: fields of every line, such as the shard.
            secrets: variables that hold one, besides those whose names say so.

        Raises:
            OSError: it cannot be.
        """
        super().__init__(level.upper())
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | OWN, 0o644)
        self._fixed = {**fixed, "host": platform.node()}
        self._redactor = Redactor(
            secret_values(secrets)
        )  # now: a running gateway has them to itself
        size = os.fstat(self._fd).st_size
        self._cut = bool(size) and os.pread(self._fd, 1, size - 1) != b"\n"
        self._dropped = 0

    def filter(self, record: logging.LogRecord) -> bool | logging.LogRecord:
        """Leave out what other packages say below a warning."""
        ours = record.name.partition(".")[0] in OURS
        return (ours or record.levelno >= logging.WARNING) and super().filter(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it as dropped: whoever logs has other things to do."""
        try:
            line = self._line(record)
            raw = b"\n" * self._cut + line
            written = os.write(self._fd, raw)
            self._cut = written < len(raw) and (written > 0 or self._cut)
            self._dropped = 0 if written == len(raw) else self._dropped + 1
        except Exception:  # noqa: BLE001 - a log never harms what it is of
            self._dropped += 1

    def _line(self, record: logging.LogRecord) -> bytes:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "message"),
            **self._fixed,
            "pid": record.process,
            **getattr(record, "fields", {}),
        }
        if said["event"] == "message":
            said |= {"logger": record.name, "text": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            said["error"] = repr(record.exc_info[1])
        if self._dropped:
            said["lines_lost"] = self._dropped
        text = _json(said)
        # Most lines are short and hold nothing that is escaped: all their texts are looked at once.
        if len(text) > LONGEST or "\\" in text or self._redactor.error(text) != text:
            text = _json({key: self._safe(value) for key, value in said.items()})
        return text.encode() + b"\n"

    def _safe(self, value: Any) -> Any:
        """Return a value without secrets, cut where it is long."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {str(key): self._safe(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._safe(inner) for inner in value[:100]]
        text = self._redactor.error(str(value))  # first: half a secret would pass for none
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        super().close()


def _json(said: Mapping[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":"), default=str)


def checked(level: object) -> str:
    """Return a level of ``observe.log``.

    Raises:
        ConfigError: it is none.
    """
    if level is False:  # what YAML makes of the word off
        return OFF
    if level not in (*LEVELS, OFF):
        raise ConfigError("observe.log", level, f"choose one of {', '.join((*LEVELS, OFF))}")
    return str(level)


@contextmanager
def kept(
    home: Path | str,
    level: str,
    fixed: Mapping[str, Any] = _NO_LINE,
    secrets: Iterable[str] = (),
) -> Iterator[None]:
    """Keep what is said in ``home/log.jsonl`` while the block runs; a file that cannot be is none.

    Args:
        home: where the process writes.
        level: one of ``LEVELS``, or ``off``.
        fixed: fields of every line.
        secrets: variables that hold one, besides those whose names say so.
    """
    if level == OFF:
        yield
        return
    try:
        journal = Journal(Path(home) / NAME, level, fixed, secrets)
    except OSError as error:
        logging.getLogger(__name__).warning("%s: no %s: %s", home, NAME, error.strerror)
        yield
        return
    root, package = logging.getLogger(), logging.getLogger(OURS[0])
    before = package.level
    last = logging.lastResort if not root.handlers else None  # speaks up where nobody listens
    if last:
        root.addHandler(last)
    screens = list(root.handlers)  # Hydra's among them
    for screen in screens:
        screen.addFilter(_no_event)
    root.addHandler(journal)
    package.setLevel(level.upper())
    try:
        yield
    finally:
        package.setLevel(before)
        root.removeHandler(journal)
        for screen in screens:
            screen.removeFilter(_no_event)
        if last:
            root.removeHandler(last)
        journal.close()


def _no_event(record: logging.LogRecord) -> bool:
    """Keep events off the screen: the progress line says what a person needs of them."""
    return not hasattr(record, "event")


def running() -> tuple[Path, str] | None:
    """Return the file and the level of this process's journal, for one that it starts."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Journal):
            return handler.path, logging.getLevelName(handler.level).lower()
    return None


def lines(raw: bytes) -> Iterator[dict[str, Any]]:
    """Yield what bytes of a log say; what is no whole line of one is passed over."""
    for part in raw.splitlines(keepends=True):
        try:
            line = json.loads(part) if part.endswith(b"\n") else None
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict) and all(isinstance(line.get(key), str) for key in _FIRST):
            yield line


def logs_of(folder: Path) -> list[Path]:
    """Return the logs of a study: its own, then those of its shards."""
    return [
        one for one in (folder / NAME, *sorted(folder.glob(f"shards/*/{NAME}"))) if one.is_file()
    ]
