"""Spans of a study, as a collector receives them."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnose.journal import lines
from diagnose.ledger import canonical_lines, read_records
from tests.services.collector import Collector, values

ROOT = Path(__file__).parents[2]
STUDY = ("experiment=smoke", "study.tasks=[A-L1]", "study.runs=1", "run.workers=2")


@pytest.fixture
def collector() -> Iterator[Collector]:
    one = Collector()
    yield one
    one.close()


def diagnose(*arguments: str, cwd: Path, **variables: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-m", "diagnose", *arguments],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def study_in(place: Path) -> Path:
    (found,) = (path.parent for path in (place / "studies").glob("*/study.json"))
    return found


def test_a_study_is_told_as_it_runs_and_again_when_asked(
    tmp_path: Path, collector: Collector
) -> None:
    where = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=not-for-the-log",
    }
    said = diagnose("run", *STUDY, cwd=tmp_path, **where)
    assert "told the trace collector: 16 episodes as traces" in said
    study = study_in(tmp_path)
    records = {one.episode_id: one for one in read_records(study)}
    spans = {one.span_id: one for one in collector.spans}
    assert len(spans) == len(collector.spans)
    told = {one.span_id: values(one.attributes) for one in collector.spans}
    roots = [one for one in collector.spans if not one.parent_span_id]
    assert Counter(told[one.span_id]["diagnose.episode_id"] for one in roots) == Counter(
        list(records)
    )
    assert len({one.trace_id for one in roots}) == len(records)
    for one in collector.spans:
        if one.parent_span_id:
            parent = spans[one.parent_span_id]
            assert parent.trace_id == one.trace_id
            assert parent.start_time_unix_nano <= one.start_time_unix_nano
            assert one.end_time_unix_nano <= parent.end_time_unix_nano
    for root in roots:
        record = records[told[root.span_id]["diagnose.episode_id"]]
        chats = [
            told[one.span_id]
            for one in collector.spans
            if one.trace_id == root.trace_id and one.name.startswith("chat ")
        ]
        assert len(chats) == len(record.calls)
        for key in ("input_tokens", "output_tokens"):
            total = sum(one[f"gen_ai.usage.{key}"] for one in chats)
            assert total == getattr(record.usage, key) == told[root.span_id][f"gen_ai.usage.{key}"]
        assert told[root.span_id]["diagnose.outcome"] == record.outcome
    assert {one["service.name"] for one in collector.resources} == {"diagnose"}
    assert {one["x-key"] for one in collector.headers} == {"not-for-the-log"}
    assert "not-for-the-log" not in "".join(
        path.read_text() for path in study.glob("*.json*") if path.is_file()
    )
    assert not any("messages" in key for one in told.values() for key in one)

    # Told already: nothing more; told again: the same spans.
    diagnose("tell", str(study), "--otel", cwd=tmp_path, **where)
    assert len(collector.spans) == len(spans)
    diagnose("tell", str(study), "--otel", "--again", "--content", cwd=tmp_path, **where)
    assert {one.span_id for one in collector.spans} == spans.keys()
    assert len(collector.spans) == 2 * len(spans)
    assert any("gen_ai.input.messages" in values(one.attributes) for one in collector.spans)


def test_a_collector_that_refuses_harms_nothing_and_is_told_later(
    tmp_path: Path, collector: Collector
) -> None:
    collector.refuse = 10**6
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
    said = diagnose("run", *STUDY, "observe.grace_s=1", cwd=tmp_path, **where)
    assert "warning: the trace collector was not told everything" in said
    assert not collector.spans
    study = study_in(tmp_path)
    diagnose("run", *STUDY, "study.folder=plain", "observe.otel=false", cwd=tmp_path)
    (plain,) = (path.parent for path in (tmp_path / "plain").glob("*/study.json"))
    assert canonical_lines(study) == canonical_lines(plain)
    events = [line["event"] for line in lines((study / "log.jsonl").read_bytes())]
    assert "receiver_failed" in events
    collector.refuse = 0
    said = diagnose("tell", str(study), "--otel", cwd=tmp_path, **where)
    assert "16 episodes as traces" in said
    assert sum(not one.parent_span_id for one in collector.spans) == 16
    assert (
        json.loads((study / "told-otel.json").read_bytes())["timings"]
        == (study / "timings.jsonl").stat().st_size
    )
