"""What a plan expects: closed forms, a simulation, and nothing that is called."""

import math
import socket
from dataclasses import replace

import numpy as np
import pytest

from diagnose.cli import main
from diagnose.cli.configure import configured
from diagnose.cli.forecast import CHARACTERS_PER_TOKEN, ceiling, total
from diagnose.cli.planned import planned
from diagnose.episode import unobserved_record
from diagnose.records import Usage
from diagnose.store import Entry, Store

Z = 1.959963984540054


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Refuse every connection."""

    def refuse(*_args, **_kwargs):
        raise AssertionError("a plan calls nobody")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_the_sum_of_one_cell_is_its_closed_form():
    found = total({"0": [1.0, 2.0, 6.0]}, {"0": 5})
    # mean 3, variance 7: 15 +- z sqrt(7 (5 + 25 / 3))
    assert found.expected == pytest.approx(15)
    reach = Z * math.sqrt(7 * (5 + 25 / 3))
    assert found.low == pytest.approx(max(0, 15 - reach))
    assert found.high == pytest.approx(15 + reach)


def test_cells_add_up_and_one_that_was_hardly_seen_takes_what_all_have():
    seen = {"00": [10.0, 12.0], "10": [100.0], "11": [5.0, 5.0]}
    found = total(seen, {"00": 4, "10": 2, "01": 1, "11": 3})
    every = np.array([10, 12, 100, 5, 5])
    assert found.expected == pytest.approx(4 * 11 + 3 * every.mean() + 3 * 5)
    variance = 2 * (4 + 16 / 2) + every.var(ddof=1) * (3 + 9 / 5) + 0
    assert found.high - found.expected == pytest.approx(Z * math.sqrt(variance))


def test_one_episode_says_no_range_and_none_nothing():
    assert total({"0": [4.0]}, {"0": 3}) == total({"1": [4.0]}, {"0": 3})
    assert (total({"0": [4.0]}, {"0": 3}).low, total({"0": [4.0]}, {"0": 3}).expected) == (None, 12)
    with pytest.raises(ValueError, match="nothing was seen"):
        total({}, {"0": 3})


def test_the_range_holds_as_often_as_it_says():
    draw = np.random.default_rng(5)
    truth = {"0": (100, 20), "1": (300, 90)}
    held = 0
    for _ in range(2000):
        seen = {cell: list(draw.normal(*spread, 30)) for cell, spread in truth.items()}
        found = total(seen, {"0": 50, "1": 20})
        came = draw.normal(*truth["0"], 50).sum() + draw.normal(*truth["1"], 20).sum()
        held += found.low <= came <= found.high
    assert 0.93 <= held / 2000 <= 0.97  # 0.95, three standard errors of the simulation and the t


def test_a_ceiling_is_the_sum_of_growing_conversations():
    found = ceiling(opening=300, shown=90, answer_tokens=10, turns=4)
    first, more = 300 // CHARACTERS_PER_TOKEN, 90 // CHARACTERS_PER_TOKEN
    assert found.input_tokens == 4 * first + (more + 10) * (0 + 1 + 2 + 3)
    assert found.output_tokens == 40
    # A budget is looked at before a call: the call that passes it is the last.
    capped = ceiling(300, 90, 10, 4, most_tokens=2 * first + more + 10 + 20)
    assert capped.input_tokens == 2 * first + more + 10


def recorded(overrides, tmp_path, **usage):
    """Write a study in which every episode used the same, and return the study."""
    study = configured([f"study.folder={tmp_path}", *overrides])
    with Store(study.folder, study.header) as store:
        for number, plan in enumerate(study.plans):
            record = replace(
                unobserved_record(study.episode(plan), "x"),
                outcome="failed",
                stop_reason="stopped",
                success=False,
                missing_cause="",
                usage=Usage(**{name: value(plan, number) for name, value in usage.items()}),
            )
            store.append(record.to_line().encode(), Entry.of(record))
            store.append_timing({"episode_id": record.episode_id, "seconds": 2.0})
    return study


PILOT = ["study.name=pilot", "study.tasks=[A-L1]", "study.runs=2", "design=one_at_a_time"]


def test_a_plan_from_a_pilot(tmp_path, capsys):
    pilot = recorded(
        PILOT,
        tmp_path,
        input_tokens=lambda plan, _: 1000 * (1 + plan.cell.count("1")),
        output_tokens=lambda _plan, _number: 100,
        turns=lambda _plan, _number: 3,
    )
    overrides = [f"study.folder={tmp_path}", "study.tasks=[A-L1, C-L1]", "design=one_at_a_time"]
    overrides += ["study.runs=10", "run.workers=4", "reuse=false"]
    assert main(["plan", "--pilot", str(pilot.folder), *overrides]) == 0
    told = capsys.readouterr().out
    # 6 cells x 2 tasks x 10 runs; each cell 20 episodes of 1, 2, 2, 2, 2 and 5 thousand.
    assert "6 cells x 2 tasks x 10 runs = 120 episodes" in told
    assert "0 recorded, 120 to run" in told
    assert "input tokens   280,000 [280,000, 280,000]" in told
    assert "output tokens  12,000 [12,000, 12,000]" in told
    assert "calls          360 [360, 360]" in told
    assert "$0: this subject answers on this machine" in told
    assert "time           about 0:01:00 (4 at once)" in told  # 120 x 2 s / 4
    assert "None of C-L1 is among them" in told
    assert told.endswith("Nobody was called.\n")


def test_dollars_are_tokens_at_the_configured_price_and_bills_where_the_model_is_the_same(tmp_path):
    pilot = recorded(
        PILOT,
        tmp_path,
        input_tokens=lambda _plan, _number: 2000,
        output_tokens=lambda _plan, _number: 500,
        cost_usd=lambda _plan, _number: 0.25,
        turns=lambda _plan, _number: 3,
    )
    asked = configured([f"study.folder={tmp_path}", *PILOT, "study.runs=4"])
    price = {"input_usd_per_mtok": 1.5, "output_usd_per_mtok": 6.0}
    subject = {"_target_": "diagnose.models.litellm.LiteLLM", "price": price, "rpm": 6}
    study = replace(asked, config=replace(asked.config, subject=subject))
    told = "\n".join(planned(study, pilot.folder))
    assert "cost           $6.00 [$6.00, $6.00] as billed there" in told  # 24 x 0.25
    assert "time           about 0:12:00 (subject.rpm=6)" in told  # 72 calls at 6 a minute

    class Another:
        name = "another/model"

    told = "\n".join(planned(replace(study, model=Another()), pilot.folder))
    # 24 x (2,000 x 1.5 + 500 x 6) / 1e6 = 0.144
    assert "$0.14 [$0.14, $0.14] at $1.5 and $6 per million tokens in and out" in told
    assert "They are of reference/frontier: another subject may use more." in told
    told = "\n".join(planned(study, None))
    assert "At most, an upper bound" in told
    assert f"calls          {24 * 60:,}" in told
    unpriced = replace(study.config, subject={**subject, "price": None})
    told = "\n".join(planned(replace(study, model=Another(), config=unpriced), pilot.folder))
    assert "cost           unknown: give subject.price" in told


def test_a_ceiling_counts_what_the_subject_would_read(tmp_path):
    asked = configured([f"study.folder={tmp_path}", *PILOT, "study.runs=1", "budgets.turns=1"])
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 10.0}
    subject = {"_target_": "elsewhere.Model", "price": price, "max_tokens": 50}
    study = replace(asked, config=replace(asked.config, subject=subject))
    told = "\n".join(planned(study, None))
    openings = []
    for plan in study.plans:
        record = study.execute(plan)
        openings.append(sum(len(message["content"]) for message in record.transcript[:2]))
    tokens_in = sum(-(-size // CHARACTERS_PER_TOKEN) for size in openings)
    assert f"input tokens   {tokens_in:,}\n" in told
    assert f"output tokens  {6 * 50:,}\n" in told
    assert f"cost           ${(tokens_in + 10 * 6 * 50) / 1e6:,.2f} at" in told


def test_what_is_recorded_is_not_planned_again(tmp_path, capsys):
    used = {"turns": lambda _plan, _number: 1, "input_tokens": lambda _plan, number: number}
    study = recorded(PILOT, tmp_path, **used)
    assert main(["plan", f"study.folder={tmp_path}", *PILOT]) == 0
    told = capsys.readouterr().out
    assert f"{study.folder}: 12 recorded, 0 to run" in told
    assert "Expected" not in told


def test_the_reference_subject_costs_nothing_and_needs_no_pilot(tmp_path, capsys):
    assert main(["plan", f"study.folder={tmp_path}"]) == 0
    told = capsys.readouterr().out
    assert "16 cells x 25 tasks x 8 runs = 3,200 episodes" in told
    assert "it costs nothing" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stdy.runs=3"], "did you mean study.runs"),
        (["study.runs=0"], "study.runs: received 0"),
        (["--pilot", "/nowhere/at/all"], "no records here"),
    ],
)
def test_bad_input_is_one_message(arguments, said, capsys):
    assert main(["plan", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_without_a_price_of_one_s_own_litellm_s_list_is_read_without_a_key(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    overrides = [f"study.folder={tmp_path}", "study.tasks=[A-L1]", "study.runs=1"]
    study = configured([*overrides, "subject=litellm", "subject.model=openai/gpt-4o-mini"])
    assert study.model.listed_price() == pytest.approx((0.15, 0.6))  # as OpenAI published it
    told = "\n".join(planned(study, None))
    assert "at $0.15 and $0.6 per million tokens in and out" in told
    unlisted = configured([*overrides, "subject=litellm", "subject.model=openai/no-such-model"])
    assert unlisted.model.listed_price() is None
