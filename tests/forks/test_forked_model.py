"""Forks of a language model's episodes: restored from its transcripts, continued by new calls."""

import json

import pytest

from diagnose.store import Store, canonical_lines
from tests.models.test_gateway import PRICE, folder_in, run, stub
from tests.stub.server import serving

ALONE = "design=alone"


def records(folder):
    """The records of a study as JSON, by task, run and cell."""
    read = map(json.loads, canonical_lines(folder))
    return {(one["task"], one["run"], one["cell"]): one for one in read}


def test_a_model_behind_http_is_asked_from_the_fork_on_and_no_sooner(tmp_path):
    with serving(stub()) as server:
        run(tmp_path / "source", server, ALONE, PRICE)
        source = folder_in(tmp_path / "source")
        run(tmp_path / "fork", server, ALONE, PRICE, f"fork.from={source}", "study.name=fork")
    folder = folder_in(tmp_path / "fork")
    early, late = records(source), records(folder)
    failed = {key[:2] for key, one in early.items() if key[2] == "0000" and not one["success"]}
    assert {key[:2] for key in late} == failed
    exchanges = (folder / "exchanges.jsonl").read_text().splitlines()
    assert len(exchanges) == sum(
        len(one["calls"]) - one["fork"]["inherited"]["turns"] for one in late.values()
    )
    for key, one in late.items():
        assert one["success"] == early[key]["success"]
        before, used = one["fork"]["inherited"], one["usage"]
        assert before["turns"] == one["fork"]["turn"] < used["turns"]
        assert before["input_tokens"] == sum(
            call["input_tokens"] for call in one["calls"][: before["turns"]]
        )
        if key[2] == "0000":
            same = ("transcript", "calls", "usage", "verdict", "subject_log")
            assert all(one[name] == early[key][name] for name in same)
    header = json.loads((folder / "study.json").read_text())
    own_usd = sum(
        one["usage"]["cost_usd"] - one["fork"]["inherited"]["cost_usd"] for one in late.values()
    )
    with Store(folder, header) as store:  # what was paid for before the forks is not paid again
        assert store.ledger.cost_usd == pytest.approx(own_usd)
    assert own_usd > 0
