"""A seeded portion of the fuzz, and the watch over it (benchmarks/fuzz)."""

import faulthandler
import os
import signal
import time

import pytest

from benchmarks.fuzz.__main__ import table
from benchmarks.fuzz.cases import WEIGHTS, Outcome, kind_of, run_case
from benchmarks.fuzz.watch import Counts, watch

FIRST, COUNT = 1_000_000, 300  # of seed 2: apart from what the benchmark runs by itself


def test_some_hundred_hostile_cases_end_in_order() -> None:
    seen = Counts()
    for number in range(FIRST, FIRST + COUNT):
        outcome = run_case(2, number)
        seen.outcomes[outcome.kind, outcome.did] += 1
    assert {kind for kind, _ in seen.outcomes} == set(WEIGHTS)
    assert {did for _, did in seen.outcomes} == {"ran", "refused", "stopped"}


def test_a_case_is_the_same_again() -> None:
    numbers = [n for n in range(80) if kind_of(2, n) not in ("bombs", "deep or long")]
    assert [run_case(2, n) for n in numbers] == [run_case(2, n) for n in numbers]


def planted(number: int) -> Outcome:
    match number:
        case 7:
            faulthandler.disable()  # pytest's, which would print the whole stack
            os.abort()
        case 30:
            os.kill(os.getpid(), signal.SIGKILL)
        case 41:
            time.sleep(3600)
        case 50:
            raise ValueError("a planted fault")
        case 55:
            hoard = b"x" * 900_000_000
            time.sleep(3600)
            del hoard
    return Outcome("planted", "ran", number == 3)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_watch_counts_what_died_hung_grew_and_broke(workers: int) -> None:
    counts = watch(planted, 120, workers, limit_s=5.0, most_mb=800)
    assert counts.crashes == {7: "exit code -6", 30: "exit code -9"}
    assert counts.hangs[41] == "longer than 5 s"
    assert set(counts.hangs) == {41, 55}
    assert counts.hangs[55].endswith("MB")
    assert {number: told.strip().splitlines()[-1] for number, told in counts.faults.items()} == {
        50: "ValueError: a planted fault"
    }
    assert counts.outcomes == {("planted", "ran"): 115}
    assert (counts.cases, counts.passed["planted"]) == (120, 1)
    assert counts.worker_mb > 20
    shown = table(counts)
    for line in ("crashes: 2", "hangs: 2", "faults: 1", "  case 7: exit code -6"):
        assert line in shown.splitlines()
