"""Records of older schemas are read; see data/record_9d5d634.jsonl, written at that commit."""

import json
from pathlib import Path

import pytest

from diagnose.errors import InputError, StoreError
from diagnose.ledger import read_records
from diagnose.migrations import STEPS, migrated
from diagnose.records import EpisodeRecord

OLD = Path(__file__).parent / "data" / "record_9d5d634.jsonl"


def test_a_record_of_before_causes_variants_chains_and_calls_is_read() -> None:
    (record,) = read_records(OLD)
    data = json.loads(OLD.read_text())
    assert not {"causes", "variant", "chain", "book", "calls", "reports"} & data.keys()
    assert (record.causes, record.variant, record.chain, record.calls) == ((), "vanilla", "", ())
    assert {key: json.loads(record.to_line())[key] for key in data} == {
        **data,
        "interventions": {
            name: {**entry, "seen": entry.get("seen")}
            for name, entry in data["interventions"].items()
        },
    }


def test_steps_lead_from_schema_to_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.records.SCHEMA_VERSION", 3)
    data = json.loads(OLD.read_text())
    with pytest.raises(StoreError, match="another schema"):
        list(read_records(OLD))
    monkeypatch.setitem(STEPS, 1, lambda old: {**old, "task": old["task"].lower()})
    with pytest.raises(InputError, match="received 2"):  # half of the way is no way
        EpisodeRecord.from_dict(data)
    monkeypatch.setitem(STEPS, 2, lambda old: {**old, "task": old["task"] + "!"})
    assert EpisodeRecord.from_dict(data).task == data["task"].lower() + "!"
    assert data["schema_version"] == 1


@pytest.mark.parametrize("version", [None, "1", True, 1.0, 7])
def test_what_is_no_older_schema_is_left(version: object) -> None:
    assert migrated({"schema_version": version}, 2) == {"schema_version": version}
