"""A shard of a study at an address is run by one machine, until its lease ends."""

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import StoreError
from diagnose.remote import lease as leases
from diagnose.remote.address import Address
from diagnose.remote.lease import Lease, LeaseLostError
from diagnose.remote.objects import Objects
from diagnose.shards import Shard
from tests.study.remote.machines import ADDRESS


class Clock:
    """The time of the store."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.late_s = 0.0
        real = Objects.written_at

        def written_at(objects: Objects, name: str) -> object:
            at = real(objects, name)
            if at is None or not name.startswith("probes/"):
                return at
            return at.fromtimestamp(at.timestamp() + self.late_s, at.tzinfo)

        monkeypatch.setattr(Objects, "written_at", written_at)


def lease(shard: Shard, spool: str) -> Lease:
    return Lease(Objects(Address.parse(ADDRESS)), shard, 60.0, f"process of {spool}", spool)


def test_a_lease_is_one_machines_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    first, second = lease(Shard(3, 8), "a"), lease(Shard(3, 8), "b")
    first.take()
    told = r"shard 3/8 is run by process of a since .*; its lease ends in (60|59) s"
    with pytest.raises(StoreError, match=told):
        second.take()
    with pytest.raises(StoreError, match=r"give run\.shard=\.\.\./8"):
        lease(Shard(1, 4), "b").take()
    with pytest.raises(StoreError, match=r"give run\.shard=\.\.\./8"):
        lease(Shard(), "b").take()
    lease(Shard(4, 8), "b").take()
    first.renew()
    assert len(leases.running(Objects(Address.parse(ADDRESS)))) == 2
    clock.late_s = 61
    assert leases.running(Objects(Address.parse(ADDRESS))) == []
    second.take()
    with pytest.raises(LeaseLostError, match="process of b has taken the lease over"):
        first.renew()
    first.give_back()  # it has none to give
    clock.late_s = 0
    with pytest.raises(StoreError, match="process of b"):
        lease(Shard(3, 8), "c").take()
    again = lease(Shard(3, 8), "b")  # the same spool: whoever took it there is gone
    again.take()
    again.give_back()
    lease(Shard(3, 8), "c").take()


def test_a_store_that_keeps_nothing_exclusive_gives_one_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "SETTLE_S", 0.0)
    monkeypatch.setattr(Objects, "create", lambda self, name, data: self.write(name, data) or True)
    lease(Shard(1, 2), "a").take()
    with pytest.raises(StoreError, match="process of a"):
        lease(Shard(1, 2), "b").take()


@given(st.binary(max_size=200))
def test_a_hostile_lease_stops_nobody_for_long(raw: bytes) -> None:
    objects = Objects(Address.parse("memory://records/hostile"))
    objects.write("leases/1-of-1/00000001.json", raw)
    mine = Lease(objects, Shard(), 60.0, "me", "a")
    mine.take()
    mine.renew()
    mine.give_back()
    fsspec.filesystem("memory").store.clear()
