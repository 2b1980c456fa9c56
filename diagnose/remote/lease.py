"""Who runs a part of a study, said to other machines: a lease, renewed while its process lives.

Locks are the kernel's and end at this machine. A lease is an object, created by one only:
``leases/3-of-8/00000004.json``. The one of the highest number counts; to take an expired one over
is to create the next. Whether it is expired is told by the store's clock alone: how long before
now the object was written, where now is when a probe was. A machine's own clock may stand anywhere.

A lease keeps two machines from doing one work twice. The records do not hang on it: were it broken,
both would send segments under names of their own.
"""

import json
import re
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from diagnose.errors import StoreError
from diagnose.remote.objects import Objects, UnreachableError
from diagnose.shards import Shard

LEASES = "leases"
SETTLE_S = 2.0  # where a store keeps nothing exclusive: until whoever wrote last is known
TRIES = 3
LONGEST_S = 3600.0  # no lease counts longer, whatever it says
_FORM = re.compile(
    rf"{LEASES}/(?P<number>[0-9]{{1,5}})-of-(?P<of>[0-9]{{1,5}})/(?P<turn>[0-9]{{8}})\.json"
)


class LeaseLostError(StoreError):
    """Another machine has taken the lease over."""


@dataclass(frozen=True)
class Held:
    """One lease as it stands in the store."""

    name: str
    number: int
    of: int
    turn: int


@dataclass(frozen=True)
class Said:
    """What a lease says, and how long it still lasts."""

    holder: str  # a process and its host
    since: str
    spool: str
    token: str
    ends_in_s: float  # 0 or less: it has expired, or was given back


class Lease:
    """One process's lease of a shard. Renew it before ``lasts_s`` is over."""

    def __init__(
        self, objects: Objects, shard: Shard, lasts_s: float, holder: str, spool: str
    ) -> None:
        """Prepare to take the lease.

        Args:
            objects: the study's.
            shard: the part.
            lasts_s: how long it counts without being renewed.
            holder: the process, in words.
            spool: what names the spool: its last process is gone, so its lease is taken at once.
        """
        self._objects, self._shard, self._lasts_s = objects, shard, lasts_s
        self._holder, self._spool, self._token = holder, spool, secrets.token_hex(8)
        self._turn = 0
        self._since = datetime.now(UTC).isoformat(timespec="seconds")

    def take(self) -> None:
        """Take the lease.

        Raises:
            StoreError: another process has it, or processes that divide the study otherwise run.
            UnreachableError: the store did not answer.
        """
        now, exclusive = store_time(self._objects, self._token)
        for _ in range(TRIES):
            latest = _latest(self._objects)
            self._refuse_others(latest, now)
            mine = latest.get((self._shard.number, self._shard.of))
            self._turn = mine.turn + 1 if mine else 1
            if not self._objects.create(self._name, self._text()):
                continue  # another was faster: look again
            if not exclusive:
                time.sleep(SETTLE_S)
                if not self._is_own(self._objects.read(self._name)):
                    continue
            try:
                self._refuse_others(_latest(self._objects), now)
            except StoreError:
                self.give_back()
                raise
            return
        raise StoreError(f"{self._objects.address.text}: others take the lease; try again")

    @property
    def _name(self) -> str:
        return f"{LEASES}/{self._shard.name}/{self._turn:08}.json"

    def _text(self, *, given_back: bool = False) -> bytes:
        said = {
            "holder": self._holder,
            "since": self._since,
            "lasts_s": 0 if given_back else self._lasts_s,
            "spool": self._spool,
            "token": self._token,
        }
        return json.dumps(said, sort_keys=True).encode()

    def _is_own(self, raw: bytes | None) -> bool:
        said = _said(raw)
        return said.get("token") == self._token

    def _refuse_others(self, latest: dict[tuple[int, int], Held], now: datetime) -> None:
        """Refuse where another's live lease is of this shard, or of another division."""
        for held in latest.values():
            if held.of != self._shard.of or held.number == self._shard.number:
                said = read(self._objects, held, now)
                if said.ends_in_s <= 0 or said.token == self._token:
                    continue
                if said.spool == self._spool and held.of == self._shard.of:
                    continue  # whoever works in this spool holds its lock
                raise StoreError(self._refusal(held, said))

    def _refusal(self, held: Held, said: Said) -> str:
        what = "this study" if held.of == 1 else f"shard {held.number}/{held.of}"
        told = f"{self._objects.address.text}: {what} is run by {said.holder} since {said.since}; "
        told += f"its lease ends in {said.ends_in_s:.0f} s unless it is renewed; "
        if held.of == self._shard.of:
            return told + "wait for it or stop it first"
        division = f"run.shard=.../{held.of}" if held.of > 1 else "no run.shard"
        return told + f"give {division}, or wait for it or stop it first"

    def renew(self) -> None:
        """Say that this process lives.

        Raises:
            LeaseLostError: another has taken it over.
            UnreachableError: the store did not answer.
        """
        latest = _latest(self._objects).get((self._shard.number, self._shard.of))
        lost = latest is None or latest.turn > self._turn
        if lost or not self._is_own(self._objects.read(self._name)):
            said = _said(self._objects.read(latest.name)) if latest else {}
            by = said.get("holder", "another process")
            raise LeaseLostError(f"{self._objects.address.text}: {by} has taken the lease over")
        self._objects.write(self._name, self._text())

    def give_back(self) -> None:
        """Let others have it at once; leases before it are cleared away.

        Raises:
            UnreachableError: the store did not answer.
        """
        if self._is_own(self._objects.read(self._name)):
            self._objects.write(self._name, self._text(given_back=True))
            folder = f"{LEASES}/{self._shard.name}"
            self._objects.remove(name for name in self._objects.found(folder) if name < self._name)


def store_time(objects: Objects, token: str) -> tuple[datetime, bool]:
    """Return the store's time, and whether what is created there is exclusive.

    Raises:
        UnreachableError: the store did not answer, or may not be written.
    """
    probe = f"probes/{token}"
    objects.write(probe, b"now\n")
    try:
        exclusive = not objects.create(probe, b"now\n")
        return objects.written_at(probe) or datetime.now(UTC), exclusive
    finally:
        objects.remove([probe])


def _latest(objects: Objects) -> dict[tuple[int, int], Held]:
    """Return of every shard the lease that counts, of those that are leases."""
    latest: dict[tuple[int, int], Held] = {}
    for name in sorted(objects.found(LEASES)):
        if match := _FORM.fullmatch(name):
            held = Held(name, int(match["number"]), int(match["of"]), int(match["turn"]))
            latest[held.number, held.of] = held
    return latest


def _said(raw: bytes | None) -> dict[str, object]:
    try:
        said = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def read(objects: Objects, held: Held, now: datetime) -> Said:
    """Return what a lease says; one that cannot be read has expired."""
    said = _said(objects.read(held.name))
    lasts_s = said.get("lasts_s")
    at = objects.written_at(held.name)
    ends_in_s = 0.0
    if at is not None and isinstance(lasts_s, int | float):
        ends_in_s = min(float(lasts_s), LONGEST_S) - (now - at).total_seconds()
    texts = (str(said.get(name, ""))[:100] for name in ("holder", "since", "spool", "token"))
    holder, since, spool, token = ("".join(filter(str.isprintable, text)) for text in texts)
    return Said(holder, since, spool, token, ends_in_s)


def running(objects: Objects) -> list[str]:
    """Return who runs a study, in words, as its leases say; a probe tells the store's time."""
    latest = _latest(objects)
    if not latest:
        return []
    try:
        now, _ = store_time(objects, secrets.token_hex(8))
    except UnreachableError:  # one may read and not write
        now = datetime.now(UTC)
    told = []
    for held in latest.values():
        said = read(objects, held, now)
        if said.ends_in_s > 0:
            shard = "" if held.of == 1 else f"shard {held.number}-of-{held.of}, "
            told.append(f"{shard}{said.holder}, its lease ends in {said.ends_in_s:.0f} s")
    return told
