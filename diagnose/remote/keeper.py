"""One process's dealings with the store: its lease, what it reads at opening, what it sends."""

import contextlib
import fcntl
import json
import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from diagnose.appender import OWN, disk_error
from diagnose.errors import DiagnoseError, StoreError
from diagnose.remote.address import NAME, Address, Uploads
from diagnose.remote.adopted import adopt, settle_files
from diagnose.remote.lease import Lease
from diagnose.remote.mirror import listed, mirror
from diagnose.remote.objects import Objects, UnreachableError
from diagnose.remote.sender import Sender, own_homes
from diagnose.shards import Shard
from diagnose.store import home_of
from diagnose.whole_file import write_whole

HEADER = "study.json"
LOCK = "upload.lock"
SPOOL_ID = "spool.id"
OPENING_TRIES, PAUSE_S, LONGEST_PAUSE_S = 3, 1.0, 30.0
LOCK_WAIT_S = 30.0  # for a keeper that still sends what a killed process left


class Keeper:
    """Keeps one part of a study at an address while its process runs.

    Use ``open``, then ``begin`` when the spool's files are sound, ``tick`` often, and ``finish``.
    """

    def __init__(
        self,
        address: Address,
        shard: Shard,
        uploads: Uploads,
        say: Callable[[str], None] = lambda _: None,
        pid: int = 0,
    ) -> None:
        """Load the file system; see ``open``.

        Args:
            address: the study's.
            shard: the part that its process runs.
            uploads: how often, how long.
            say: where it is told that the store does not answer.
            pid: the study's process; 0 for this one.

        Raises:
            ConfigError: it is not installed.
        """
        self.address, self._shard, self._uploads, self._say = address, shard, uploads, say
        self._objects = Objects(address)
        self._folder = address.folder()
        self._pid = pid or os.getpid()
        self._home = home_of(self._folder, shard)
        self._lock = -1
        self._begun = False
        self._sender: Sender | None = None
        self._lease: Lease | None = None
        self._next_s = 0.0  # on the monotonic clock: not before then is anything sent
        self._pause_s = 0.0

    def open(self, header: str, leased: Callable[[], None] = lambda: None) -> None:
        """Take the lease, compare ``study.json``, and bring in what other writers sent.

        Args:
            header: the text of this study's ``study.json``.
            leased: called when the lease is taken, which is to be renewed from then on.

        Raises:
            StoreError: the part is run elsewhere, or the store does not answer.
        """
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            self._lock = _taken(self._home / LOCK, self._pid)
            spool = _spool_id(self._folder / SPOOL_ID)
        except OSError as error:
            raise disk_error(self._home, error) from error
        try:
            holder = f"process {self._pid} on {platform.node()}"
            lease = Lease(self._objects, self._shard, self._uploads.lease_s, holder, spool)
            _patiently(lease.take)
            self._lease = lease
            leased()
            try:
                sender = Sender(self._objects, self._folder, self._home, self._shard.name)
                _patiently(lambda: self._arrive(sender, header))
                self._sender = sender
            except BaseException:
                with contextlib.suppress(DiagnoseError):
                    lease.give_back()
                raise
        except BaseException:
            self._release()
            raise

    def _arrive(self, sender: Sender, header: str) -> None:
        compare_header(self._objects, self._folder, header)
        mirror(self._objects, self._folder, self._own(sender), anew=sender.renewed)
        sender.reconcile(self._objects.found("parts"))
        adopt(self._folder, sender)
        settle_files(self._objects, self._folder)

    def _own(self, sender: Sender) -> set[str]:
        return {*own_homes(self._folder), f"{sender.part}.{sender.writer}"}

    def begin(self) -> None:
        """Send from now on: the spool's files end with whole records."""
        self._begun = True

    @property
    def renew_every_s(self) -> float:
        """How often the lease is to be renewed."""
        return self._uploads.lease_s / 4

    def renew(self) -> None:
        """Say that the process lives; see ``Lease.renew``."""
        if self._lease is not None:
            self._lease.renew()

    def tick(self) -> None:
        """Send what is due.

        Raises:
            StoreError: the spool cannot be read.
        """
        sender, now_s = self._sender, time.monotonic()
        if not self._begun or sender is None or not sender.pending():
            return
        if now_s < self._next_s and (self._pause_s or not sender.dear()):
            return
        try:
            sender.send()
            sender.join()
        except UnreachableError as error:
            if not self._pause_s:
                self._say(f"{error}; records are kept in {self._folder} and sent when it does")
            self._pause_s = min(max(2 * self._pause_s, PAUSE_S), LONGEST_PAUSE_S)
            self._next_s = time.monotonic() + self._pause_s
            return
        if self._pause_s:
            self._say(f"{self.address.text}: the store answers again")
        self._pause_s = 0.0
        self._next_s = time.monotonic() + self._uploads.upload_every_s

    def beside(self, shared: Mapping[str, Any]) -> None:
        """Bring the studies beside this one that may hold its episodes into their spools."""
        for name in Objects(self.address.parent).folders():
            if name == self.address.name:
                continue
            with contextlib.suppress(DiagnoseError):  # what cannot be read is run again
                one = self.address.parent.child(name)
                raw = Objects(one).read(HEADER)
                said = json.loads(raw) if raw else {}
                if isinstance(said, dict) and said.get("shared") == shared:
                    fetched(one)

    def finish(self) -> int:
        """Send what is left, bring in what others sent, give the lease back; return what is left.

        Returns:
            The bytes that are not sent: the same command sends them.
        """
        left = 0
        until_s = time.monotonic() + self._uploads.upload_wait_s
        try:
            sender = self._sender
            while sender is not None and self._begun and (left := sender.pending()):
                self._next_s = 0.0
                self.tick()
                left = sender.pending()
                if not left or not self._pause_s or time.monotonic() + self._pause_s > until_s:
                    break
                time.sleep(self._pause_s)
            if sender is not None and not left:
                with contextlib.suppress(UnreachableError):
                    settle_files(self._objects, self._folder)
                    mirror(self._objects, self._folder, self._own(sender))
            if self._lease is not None:
                with contextlib.suppress(UnreachableError):
                    self._lease.give_back()
        finally:
            self._release()
        return left

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def fetched(address: Address) -> Path:
    """Return the spool of a study, brought up to date.

    Raises:
        StoreError: there is no study, or the store does not answer.
    """
    objects, folder = Objects(address), address.folder()
    take_header(objects, folder)
    mirror(objects, folder, own_homes(folder))
    adopt(folder, None)
    settle_files(objects, folder)
    return folder


def studies_in(address: Address) -> list[Path]:
    """Return the spools of a study, or of the studies in an address, brought up to date.

    Raises:
        UnreachableError: the store does not answer.
    """
    if Objects(address).read(HEADER) is not None:
        return [fetched(address)]
    names = Objects(address).folders()
    held = (address.child(name) for name in names if NAME.fullmatch(name))
    return [fetched(one) for one in held if Objects(one).read(HEADER) is not None]


def compare_header(objects: Objects, folder: Path, header: str) -> None:
    """Write ``study.json`` where there is none; bring the one that is there into the spool.

    The store's part of the check; ``Store`` compares what it says.

    Raises:
        StoreError: the study has records and no ``study.json``.
        UnreachableError: the store did not answer.
    """
    there = objects.read(HEADER)
    if there is None:
        if listed(objects)[0] and not (folder / HEADER).is_file():
            told = f"{objects.address.text}: has records but no {HEADER}; restore it from a copy"
            raise StoreError(told)
        data = f"{header}\n".encode()
        there = data if objects.create(HEADER, data) else objects.read(HEADER)
    if there is not None:
        _write_header(folder, there)


def take_header(objects: Objects, folder: Path) -> None:
    """Bring ``study.json`` into the spool.

    Raises:
        StoreError: there is none.
        UnreachableError: the store did not answer.
    """
    data = objects.read(HEADER)
    if data is None:
        raise StoreError(f"{objects.address.text}: no study is there: it has no {HEADER}")
    _write_header(folder, data)


def _write_header(folder: Path, data: bytes) -> None:
    path = folder / HEADER
    if not path.is_file() or path.read_bytes() != data:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)


def _patiently(ask: Callable[[], None]) -> None:
    """Ask a few times, if the store does not answer."""
    for pause_s in _pauses():
        try:
            return ask()
        except UnreachableError as error:
            if error.lasting or pause_s is None:
                told = f"{error}; nothing was run: try again when it does"
                raise UnreachableError(told, lasting=error.lasting) from error
        time.sleep(pause_s)
    return None


def _pauses() -> Iterator[float | None]:
    for attempt in range(1, OPENING_TRIES):
        yield PAUSE_S * attempt
    yield None


def _taken(path: Path, pid: int) -> int:
    """Return the lock of a part's uploads on this machine.

    Raises:
        StoreError: another process holds it.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT | OWN, 0o644)
    until_s = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 100, 0).decode(errors="replace").strip() or "another process"
            if time.monotonic() > until_s:
                os.close(lock)
                remedy = "wait for it or stop it first"
                raise StoreError(f"{path.parent}: {holder} is running it; {remedy}") from None
            time.sleep(0.05)
            continue
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {pid}\n".encode(), 0)
        return lock


def _spool_id(path: Path) -> str:
    """Return what names a spool, made once."""
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | OWN, 0o644)
        os.write(handle, secrets.token_hex(8).encode())
        os.close(handle)
    return path.read_text(encoding="ascii", errors="replace")[:32]
