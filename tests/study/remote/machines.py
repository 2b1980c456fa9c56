"""A study at an address, as machines record and read it."""

import os
from pathlib import Path

import pytest

from diagnose.ledger import canonical_lines
from diagnose.records import canonical_json
from diagnose.remote.address import SPOOL, Address, Uploads
from diagnose.remote.keeper import Keeper, fetched
from diagnose.shards import Shard
from diagnose.store import Store
from tests.study import fake

PLANS = fake.plans()
HEADER = {**fake.header(PLANS), "study": "fake", "episodes": len(PLANS)}
ADDRESS = "memory://records/fake-1"


def move(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Go to another machine."""
    monkeypatch.setenv(SPOOL, str(Path(os.environ[SPOOL]).with_name(name)))


def opened(shard: Shard | None = None, text: str = ADDRESS, **uploads: float) -> Keeper:
    usual = {"upload_every_s": 0.0, "upload_wait_s": 0.0} | uploads
    keeper = Keeper(Address.parse(text), shard or Shard(), Uploads(**usual))
    keeper.open(canonical_json(HEADER))
    return keeper


def work(plans: list, *, padding: int = 200, shard: Shard | None = None) -> None:
    """Record what is missing of ``plans`` on this machine, and send it."""
    keeper = opened(shard)
    with Store(Address.parse(ADDRESS).folder(), HEADER, shard or Shard()) as store:
        keeper.begin()
        store.claim([fake.identify(plan) for plan in PLANS])
        for plan in plans:
            if fake.identify(plan) not in store.ledger.outcomes:
                store.append_record(fake.record(plan, padding=padding))
                keeper.tick()
    assert keeper.finish() == 0


def lines() -> list[str]:
    return canonical_lines(fetched(Address.parse(ADDRESS)))
