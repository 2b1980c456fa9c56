"""The engine ends its process in one episode of twenty: those are missing, and nothing else is."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from diagnose.store import read_records
from tests.study import fake, poisoned

ROOT = Path(__file__).parents[2]


def test_exactly_the_poisoned_episodes_are_not_observed(tmp_path: Path) -> None:
    fatal = {plan: poisoned.poison(plan) for plan in poisoned.PLANS if poisoned.poison(plan)}
    assert set(fatal.values()) == set(poisoned.WAYS)  # every way of dying is among them
    assert 4 <= len(fatal) <= 12

    command = [sys.executable, "-m", "tests.study.poisoned", str(tmp_path / "s")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    total = len(poisoned.PLANS)
    assert json.loads(done.stdout) == {"recorded": total, "not_observed": len(fatal)}

    records = {record.episode_id: record for record in read_records(tmp_path / "s")}
    assert len(records) == total
    for plan in poisoned.PLANS:
        record = records[fake.identify(plan)]
        if plan in fatal:
            assert (record.outcome, record.success) == ("not_observed", None)
            assert record.missing_cause.startswith("worker_died: signal ")
            assert fatal[plan] in record.missing_cause
        else:
            assert record.missing_cause == ""
            assert record.to_line() == poisoned.execute(plan).to_line()  # as if nobody had died
            assert record.success == bool(plan.run % 2)
    lines = (tmp_path / "s" / "episodes.jsonl").read_text().splitlines()
    assert max(Counter(lines).values()) == 1
