"""Study folders and settings that somebody has tampered with."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diagnose.errors import ConfigError, StoreError
from diagnose.policy import RunPolicy
from diagnose.progress import Progress
from diagnose.sandbox import Limits
from diagnose.store import Store, canonical_lines, read_records
from diagnose.study import run_study
from diagnose.subjects.budgets import Budgets
from tests.study import fake

PLANS = fake.plans()
HEADER = fake.header(PLANS)
RECORD = json.loads(fake.execute(PLANS[6]).to_line())
PRECIOUS = "something of somebody else's, without a newline"
NAN = float("nan")


def study(folder: Path) -> Path:
    with Store(folder, HEADER) as store:
        for plan in PLANS[:5]:
            store.append_record(fake.execute(plan))
    return folder


def usage(**values: object) -> dict[str, object]:
    return {"usage": {**RECORD["usage"], **values}}


INTERVENTION = {"capacity": "c", "dose": 1, "offered": True, "used": None}


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "1"}, {"run": NAN}, {"run": [1]}, {"run": True}, {"level": "1"},
        {"model": None}, {"cell": 10}, {"cell": "1"}, {"cell": "1x00"}, {"factors": "abcd"},
        {"factors": ["a", "a", "b", "c"]}, {"success": "yes"}, {"success": None},
        {"outcome": "passed", "success": False}, {"outcome": "not_observed", "success": True},
        {"outcome": ["passed"]}, {"stop_reason": "luck"}, {"stop_reason": {}},
        {"transcript": "abc"}, {"transcript": [1]}, {"config": []}, {"verdict": "passed"},
        {"interventions": {"a": {**INTERVENTION, "dose": "1"}}},
        {"interventions": {"a": {**INTERVENTION, "used": 1}}},
        usage(cost_usd=NAN), usage(cost_usd=-1), usage(cost_usd=True), usage(turns="3"),
        usage(trials=-1), {"schema_version": True}, {"schema_version": 1.0},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_that_cannot_be_ours_is_named_and_never_read(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    file = study(tmp_path / "study") / "episodes.jsonl"
    forged = json.dumps({**RECORD, **changes}) + "\n"
    file.write_text(file.read_text() + forged + fake.execute(PLANS[7]).to_line())
    for read in (
        canonical_lines,
        lambda path: list(read_records(path)),
        lambda path: Store(path, HEADER),
    ):
        with pytest.raises(StoreError, match=r"line 6 .* is broken: "):
            read(file.parent)


@pytest.mark.parametrize("junk", ["[" * 100_000, '{"a": NaN}', '{"a":' * 100_000])
def test_endless_nesting_and_nan_are_named(tmp_path: Path, junk: str) -> None:
    folder = study(tmp_path / "study")
    file = folder / "episodes.jsonl"
    whole = file.read_text()
    file.write_text(junk + "\n" + whole)
    with pytest.raises(StoreError, match=r"line 1 .* is broken"):
        list(read_records(folder))
    file.write_text(whole)
    (folder / "study.json").write_text(junk)
    with pytest.raises(StoreError, match=r"study\.json: is not JSON"):
        Store(folder, HEADER)


def torn(folder: Path) -> None:
    with (folder / "episodes.jsonl").open("a") as file:
        file.write('{"half')


def begun_anew(folder: Path) -> None:
    for name in ("study.json", "episodes.jsonl"):
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("name", "prepare"),
    [
        ("lock", None), ("episodes.jsonl", None), ("timings.jsonl", None),
        ("episodes.torn", torn), ("episodes.index", None),
        ("study.tmp", begun_anew),
    ],
)  # fmt: skip
def test_nothing_is_written_through_a_link(
    tmp_path: Path, name: str, prepare: Callable[[Path], None] | None
) -> None:
    folder = study(tmp_path / "study")
    if prepare:
        prepare(folder)
    name = name.replace("study.tmp", f"study.{os.getpid()}.{socket.gethostname()}.tmp")
    victim = tmp_path / "victim"
    victim.write_text(PRECIOUS)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(victim)
    with pytest.raises(StoreError, match="symbolic link"):
        Store(folder, HEADER)
    assert victim.read_text() == PRECIOUS
    (folder / name).unlink()
    Store(folder, HEADER).close()  # the refusal has let go of the lock


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    folder = study(tmp_path / "study")
    (folder / "timings.jsonl").unlink()
    os.mkfifo(folder / "timings.jsonl")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(folder, HEADER)


def test_records_of_another_study_stop_the_run(tmp_path: Path) -> None:
    folder = study(tmp_path / "study")
    foreign = {**RECORD, "episode_id": "f" * 20, "study": "another"}
    with (folder / "episodes.jsonl").open("a") as file:
        file.write(json.dumps(foreign) + "\n")
    with (tmp_path / "shown").open("w") as shown, Store(folder, HEADER) as store:
        with pytest.raises(StoreError, match=r"1 of its records are of no episode.*ffff"):
            run_study(
                PLANS,
                fake.execute,
                store,
                identify=fake.identify,
                unobserved=fake.unobserved,
                policy=RunPolicy(workers=1),
                progress=Progress(shown),
            )
        assert len(store.ledger) == 6


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *((kind, name, value)
          for kind, names in ((Limits, ("wall_s", "memory_bytes", "recursion")),
                              (Budgets, ("turns", "trials", "seconds")),
                              (RunPolicy, ("workers", "retries", "episode_limit_s")))
          for name in names
          for value in (NAN, float("inf"), "5", None, True, -1)),
        (Limits, "host_calls", 2.5), (Limits, "recursion", 2**40), (Budgets, "turns", 1.5),
        (RunPolicy, "workers", 100_000), (RunPolicy, "retries", 0.5),
    ],
)  # fmt: skip
def test_a_setting_is_a_number_that_can_be_meant(
    kind: type[Limits | Budgets | RunPolicy], name: str, value: Any
) -> None:
    with pytest.raises(ConfigError, match=name):
        kind(**{name: value})
