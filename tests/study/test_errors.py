"""What a study does with episodes that are not observed, and which of them it runs again."""

from pathlib import Path

import pytest

from diagnose.errors import ConfigError
from diagnose.models import Caps
from diagnose.policy import ON_ERROR, RunPolicy
from diagnose.store import canonical_lines, read_records
from tests.study import fake
from tests.study.runner import PLANS, VICTIM
from tests.study.test_study import WHOLE, others, run, victim

ID = fake.identify(VICTIM)
OTHERS = [line for line in WHOLE if ID not in line]


def test_stop_ends_the_study_at_the_first_and_leaves_it_to_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ON_ERROR", "stop")
    done = run(tmp_path / "s", 1, "quota", code=2)
    assert "quota: none left" in done.stderr
    assert f"{VICTIM.task}, run {VICTIM.run}, cell {VICTIM.cell}" in done.stderr
    found = [record.episode_id for record in read_records(tmp_path / "s")]
    # Of one worker what came before it, and what it had been handed meanwhile.
    before = PLANS.index(VICTIM)
    assert found[:before] == [fake.identify(plan) for plan in PLANS[:before]]
    assert len(found) <= before + 1
    assert ID not in found
    run(tmp_path / "s", 1)
    assert canonical_lines(tmp_path / "s") == WHOLE


@pytest.mark.parametrize("workers", [1, 2])
def test_continue_records_a_bug_as_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setenv("ON_ERROR", "continue")
    run(tmp_path / "s", workers, "bug")
    assert victim(tmp_path / "s").missing_cause == "bug: ZeroDivisionError: a planted bug"
    assert others(tmp_path / "s") == OTHERS


def test_only_the_causes_that_are_named_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "s", 2, "quota")
    monkeypatch.setenv("RETRY_CAUSES", "rate_limit worker_died")
    run(tmp_path / "s", 2, "none")
    assert victim(tmp_path / "s").missing_cause == "quota: none left"
    monkeypatch.setenv("RETRY_CAUSES", "worker_died quota")
    run(tmp_path / "s", 2, "none")
    assert canonical_lines(tmp_path / "s") == WHOLE


def test_which_causes_run_again() -> None:
    assert not RunPolicy().again("quota")
    assert RunPolicy(retry_unobserved=True).again("quota")
    for kept in (False, True):
        policy = RunPolicy(retry_unobserved=kept, retry_causes=["quota"])
        assert policy.again("quota")
        assert not policy.again("bug")


def test_values_that_cannot_be_meant_are_refused() -> None:
    for on_error in ON_ERROR:
        RunPolicy(on_error=on_error)
    with pytest.raises(ConfigError, match=r"run\.on_error"):
        RunPolicy(on_error="ignore")
    for causes in ("quota", [1], 3):
        with pytest.raises(ConfigError, match=r"run\.retry_causes"):
            RunPolicy(retry_causes=causes)  # type: ignore[arg-type]


@pytest.mark.parametrize("of", [1, 3, 8])
def test_shards_together_stay_within_the_caps(of: int) -> None:
    caps = Caps(usd=5.0, tokens=1000, seconds=60.0)
    each = caps.shared_by(of)
    assert each.usd * of == pytest.approx(5.0)
    assert 1000 - of < each.tokens * of <= 1000
    assert each.seconds == 60.0
    assert Caps().shared_by(of) == Caps()
