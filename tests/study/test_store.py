"""The study folder: torn tails, damage, duplicates, changed configs."""

import itertools
import json
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import StoreError
from diagnose.records import EpisodeRecord
from diagnose.store import Entry, Store, canonical_lines, episode_id, read_records
from tests.study import fake

PLANS = fake.plans(tasks=1, runs=1)
HEADER = fake.header(PLANS)
RECORDS = [fake.record(plan, padding=30) for plan in PLANS]
LINES = [record.to_line().encode() for record in RECORDS]
RECORDS_READ = [EpisodeRecord.from_dict(json.loads(line)) for line in LINES]


def filled(folder: Path, records: list[EpisodeRecord] = RECORDS) -> Path:
    with Store(folder, HEADER) as store:
        for record in records:
            store.append_record(record)
    return folder / "episodes.jsonl"


def by_cell(lines: list[bytes]) -> list[str]:
    return sorted((line.decode() for line in lines), key=lambda line: json.loads(line)["cell"])


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    path = filled(tmp_path)
    assert path.read_bytes() == b"".join(LINES)
    assert [record.to_line().encode() for record in read_records(tmp_path)] == LINES
    assert list(read_records(path)) == list(read_records(tmp_path))
    assert canonical_lines(path) == by_cell(LINES)


def test_the_ledger_counts_what_the_records_say(tmp_path: Path) -> None:
    missing = fake.record(PLANS[0], "not_observed", "rate_limit")
    filled(tmp_path, [missing, *RECORDS[1:]])
    with Store(tmp_path, HEADER) as store:
        ledger = store.ledger
        assert (len(ledger), ledger.not_observed) == (len(PLANS), 1)
        assert ledger.observed == len(PLANS) - 1
        assert ledger.passed == sum(record.success is True for record in RECORDS[1:])
        assert ledger.cost_usd == pytest.approx(sum(r.usage.cost_usd for r in RECORDS))
        assert set(ledger.outcomes) == {record.episode_id for record in RECORDS}


def test_a_tail_torn_at_any_byte_is_moved_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnose.store.os.fsync", lambda _: None)  # a thousand openings
    path = filled(tmp_path, RECORDS[:2])
    whole = path.read_bytes()
    torn = tmp_path / "episodes.torn"
    for cut in range(len(LINES[0]) + 1, len(whole)):  # 1 .. all but the newline of line 2
        path.write_bytes(whole[:cut])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert list(read_records(tmp_path)) == RECORDS_READ[:1]
            assert path.read_bytes() == whole[:cut]  # reading changes nothing
            with Store(tmp_path, HEADER) as store:
                assert "line 2 was cut short and is moved to episodes.torn" in store.repair
                assert list(store.ledger.outcomes) == [RECORDS[0].episode_id]
                assert path.read_bytes() == LINES[0]
                store.append_record(RECORDS[1])
        assert [record.getMessage() for record in caplog.records] == [
            f"{path}: line 2 is incomplete and left out"
        ]
        assert path.read_bytes() == whole
        assert torn.read_bytes() == whole[len(LINES[0]) : cut] + b"\n"
        torn.unlink()


@given(tail=st.binary(min_size=1, max_size=40).filter(lambda b: b"\n" not in b[:-1]))
def test_any_broken_tail_is_kept_aside(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes
) -> None:
    folder = tmp_path_factory.mktemp("study")
    path = filled(folder, RECORDS[:1])
    with path.open("ab") as handle:
        handle.write(tail)
    with Store(folder, HEADER):
        pass
    assert path.read_bytes() == LINES[0]
    assert (folder / "episodes.torn").read_bytes() == tail.removesuffix(b"\n") + b"\n"


def test_torn_tails_add_up(tmp_path: Path) -> None:
    path = filled(tmp_path)
    for rest in (b"first", b"second"):
        with path.open("ab") as handle:
            handle.write(rest)
        filled(tmp_path, [])
    assert (tmp_path / "episodes.torn").read_bytes() == b"first\nsecond\n"


@pytest.mark.parametrize("number", range(1, len(LINES)))
@pytest.mark.parametrize("broken", [b"\n", b"{}\n", b"[1]\n", LINES[0][:40] + b"\n", b"\xff\n"])
def test_damage_before_the_last_line_changes_nothing(
    tmp_path: Path, number: int, broken: bytes
) -> None:
    path = filled(tmp_path)
    path.write_bytes(b"".join([*LINES[: number - 1], broken, *LINES[number:]]))
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    offset = sum(map(len, LINES[: number - 1]))
    for use in (lambda: Store(tmp_path, HEADER), lambda: list(read_records(path))):
        with pytest.raises(StoreError, match=rf"line {number} \(byte offset {offset}\) is broken"):
            use()
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    with path.open("r+b") as handle:  # the remedy: restore the line
        handle.write(b"".join(LINES))
    filled(tmp_path, [])
    assert path.read_bytes() == b"".join(LINES)


def test_deleting_a_damaged_line_is_a_remedy_too(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.write_bytes(b"".join([LINES[0], *LINES[2:]]))
    with Store(tmp_path, HEADER) as store:
        assert RECORDS[1].episode_id not in store.ledger.outcomes
        store.append_record(RECORDS[1])
    assert canonical_lines(path) == by_cell(LINES)


def test_records_of_another_schema_are_never_taken_for_torn(tmp_path: Path) -> None:
    path = filled(tmp_path, RECORDS[:1])
    newer = LINES[1].replace(b'"schema_version":1', b'"schema_version":2')
    path.write_bytes(LINES[0] + newer)
    with pytest.raises(StoreError, match="another schema"):
        Store(tmp_path, HEADER)
    assert path.read_bytes() == LINES[0] + newer


def test_an_observed_episode_is_recorded_once(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with Store(tmp_path, HEADER) as store:
        for again in (RECORDS[0], fake.record(PLANS[0], "not_observed")):
            with pytest.raises(StoreError, match="recorded twice"):
                store.append_record(again)
    assert path.read_bytes() == b"".join(LINES)
    path.write_bytes(b"".join([*LINES, LINES[2]]))
    for use in (lambda: Store(tmp_path, HEADER), lambda: list(read_records(path))):
        with pytest.raises(StoreError, match=f"line {len(LINES) + 1}: episode .* recorded twice"):
            use()


OUTCOMES = ("passed", "failed", "not_observed")


@given(st.lists(st.tuples(st.sampled_from(PLANS[:3]), st.sampled_from(OUTCOMES)), max_size=8))
def test_only_a_record_not_observed_is_superseded(
    tmp_path_factory: pytest.TempPathFactory, attempts: list[tuple[object, str]]
) -> None:
    folder = tmp_path_factory.mktemp("study")
    model: dict[str, str] = {}  # the oracle: what must be read back
    with Store(folder, HEADER) as store:
        for plan, outcome in attempts:
            record = fake.record(plan, outcome, padding=5)
            if model.get(record.episode_id, "not_observed") == "not_observed":
                store.append_record(record)
                model[record.episode_id] = outcome
            else:
                with pytest.raises(StoreError):
                    store.append_record(record)
        assert store.ledger.outcomes == model
        counts = [list(model.values()).count(outcome) for outcome in ("passed", "not_observed")]
        assert [store.ledger.passed, store.ledger.not_observed] == counts
    assert {r.episode_id: r.outcome for r in read_records(folder)} == model
    assert len(canonical_lines(folder)) == len(model)


@pytest.mark.parametrize(
    ("changed", "field", "old", "new"),
    [
        ({**HEADER, "schedule_sha256": "00"}, "schedule_sha256", HEADER["schedule_sha256"], "00"),
        (fake.header(PLANS, temperature=0.5), "config.temperature", 0.0, 0.5),
        (fake.header(PLANS, temperature=False), "config.temperature", 0.0, False),
        ({**HEADER, "factors": [["gap_hints", [0, 2]]]}, "factors.0.1.1", 1, 2),
        ({k: v for k, v in HEADER.items() if k != "config"}, "config", HEADER["config"], "absent"),
    ],
)
def test_a_changed_study_names_the_field_and_both_values(
    tmp_path: Path, changed: dict[str, object], field: str, old: object, new: object
) -> None:
    filled(tmp_path)
    before = (tmp_path / "study.json").read_bytes()
    with pytest.raises(StoreError) as caught:
        Store(tmp_path, changed)
    shown = [v if v == "absent" else json.dumps(v, separators=(",", ":")) for v in (old, new)]
    assert f": {field} was {shown[0]} when this study began and is {shown[1]} now" in str(
        caught.value
    )
    assert (tmp_path / "study.json").read_bytes() == before
    with Store(tmp_path, HEADER) as store:  # the refused opening let go of the lock
        assert len(store.ledger) == len(PLANS)


def test_the_order_and_type_of_containers_is_no_change(tmp_path: Path) -> None:
    Store(tmp_path, {"b": (1, 2), "a": {"y": 1, "x": 2}}).close()
    Store(tmp_path, {"a": {"x": 2, "y": 1}, "b": [1, 2]}).close()
    assert (tmp_path / "study.json").read_text() == '{"a":{"x":2,"y":1},"b":[1,2]}\n'


def test_a_lost_or_broken_header_is_not_made_up(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(StoreError, match=r"study\.json: is not JSON"):
        Store(tmp_path, HEADER)
    (tmp_path / "study.json").unlink()
    with pytest.raises(StoreError, match=r"no study\.json"):
        Store(tmp_path, HEADER)


def test_one_writer_at_a_time_within_a_process_too(tmp_path: Path) -> None:
    with Store(tmp_path, HEADER), pytest.raises(StoreError, match=r"process \d+ is running"):
        Store(tmp_path, HEADER)


def test_a_timing_cut_short_is_dropped(tmp_path: Path) -> None:
    with Store(tmp_path, HEADER) as store:
        store.append_timing({"episode_id": "a", "seconds": 1.5})
    path = tmp_path / "timings.jsonl"
    path.write_bytes(path.read_bytes() + b'{"episode_id":"b","sec')
    Store(tmp_path, HEADER).close()
    assert path.read_text() == '{"episode_id":"a","seconds":1.5}\n'


def test_reading_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no records here"):
        list(read_records(tmp_path))


def test_a_line_longer_than_the_disk_takes_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_write, room = os.write, itertools.chain([100, 50], itertools.repeat(0))

    def nearly_full(fd: int, data: bytes) -> int:
        space = next(room)
        if not space:
            raise OSError(28, "No space left on device")
        return real_write(fd, bytes(data)[:space])

    with Store(tmp_path, HEADER) as store:
        store.append_record(RECORDS[0])
        with monkeypatch.context() as patch:
            patch.setattr("diagnose.store.os.write", nearly_full)
            with pytest.raises(StoreError, match="limit is full"):
                store.append(LINES[1], Entry.of(RECORDS[1]))
        assert (tmp_path / "episodes.jsonl").read_bytes() == LINES[0]
        store.append_record(RECORDS[1])  # room again: the refused episode is still free
    assert (tmp_path / "episodes.jsonl").read_bytes() == LINES[0] + LINES[1]


def test_an_id_is_twenty_hex_of_the_canonical_identity() -> None:
    # printf '{"a":1,"b":[2]}' | sha256sum | cut -c1-20
    golden = "0855bfc20eb6cfaa4be7"
    assert episode_id({"b": (2,), "a": 1}) == golden == episode_id({"a": 1, "b": [2]})
    changed = [{"a": 1, "b": [3]}, {"a": "1", "b": [2]}, {"a": 1}]
    assert len({golden, *map(episode_id, changed)}) == 4


def test_an_unusable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file/study: cannot be used"):
        Store(tmp_path / "file" / "study", HEADER)
