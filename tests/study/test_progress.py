"""What progress prints, on a terminal and piped."""

import io
import re

import pytest

from diagnose import progress as module
from diagnose.ledger import Entry, Ledger
from diagnose.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def play(stream: io.StringIO, clock: list[float]) -> list[str]:
    """Half of 10 episodes, one of them before this run, one a second, the last not observed."""
    ledger = Ledger()
    ledger.admit(Entry("before", "passed", 0.5), "")
    progress = Progress(stream)
    progress.start(10, 9, 2)
    drawn = []
    for n, outcome in enumerate(("passed", "failed", "failed", "not_observed")):
        clock[0] += 1
        ledger.admit(Entry(str(n), outcome, 0.25), "")
        progress.update(ledger)
        drawn.append(stream.getvalue())
    progress.finish(ledger)
    return drawn


# 5 of 10 done; 2 of the 4 observed passed; 4 in 4 s, and 5 are left.
LAST = "5/10  success 50.0%  1 episodes/s  0:00:05 left  $1.50  1 not observed"


def test_piped_it_prints_two_lines(clock: list[float]) -> None:
    stream = io.StringIO()
    drawn = play(stream, clock)
    assert set(drawn) == {"10 episodes, 9 to run on 2 workers\n"}
    assert stream.getvalue() == drawn[0] + LAST + "\n"


def test_on_a_terminal_one_line_is_redrawn(clock: list[float]) -> None:
    stream = Terminal()
    drawn = play(stream, clock)
    assert drawn[0].endswith("\r2/10  success 100.0%  1 episodes/s  0:00:08 left  $0.75")
    screen = [re.split("\r", line)[-1].rstrip() for line in stream.getvalue().split("\n")]
    assert screen == ["10 episodes, 9 to run on 2 workers", LAST, ""]
    assert len(drawn) == len(set(drawn)) == 4


def test_a_terminal_is_not_redrawn_more_than_ten_times_a_second(clock: list[float]) -> None:
    stream, ledger = Terminal(), Ledger()
    progress = Progress(stream)
    progress.start(1000, 1000, 1)
    for n in range(1000):
        clock[0] = n / 1024  # exact in binary
        ledger.admit(Entry(str(n), "passed", 0.0), "")
        progress.update(ledger)
    assert stream.getvalue().count("\r") == 10


def test_on_a_terminal_the_cells_that_have_least_and_most_are_told(clock: list[float]) -> None:
    stream, ledger = Terminal(), Ledger()
    progress = Progress(stream)
    progress.start(10, 8, 2)
    progress.start_cells({"0": 2}, {"0": 5, "1": 5})
    told = []
    for n, cell in enumerate("0101"):
        clock[0] += 1
        ledger.admit(Entry(str(n), "passed", 0.0), "")
        progress.update(ledger, cell)
        told.append(stream.getvalue().rpartition("  cells ")[2].rstrip())
    assert told == ["0 to 3 of 5", "1 to 3 of 5", "1 to 4 of 5", "2 to 4 of 5"]
    progress.finish(ledger)
    assert "cells" not in stream.getvalue().splitlines()[-1].rpartition("\r")[2]


def test_a_wait_shows_though_nothing_is_recorded(clock: list[float]) -> None:
    stream, waits = Terminal(), [""]
    progress = Progress(stream)
    progress.waits_for(lambda: waits[0])
    progress.start(2, 2, 1)
    ledger = Ledger()
    progress.tick(ledger)
    waits[0] = "waiting: 3 rate_limit, next in 12 s"
    progress.tick(ledger)  # at once: not drawn again
    assert "waiting" not in stream.getvalue()
    clock[0] += 1
    progress.tick(ledger)
    assert stream.getvalue().endswith(f"0/2  success no data  $0.00  {waits[0]}")
    waits[0] = ""
    clock[0] += 1
    progress.tick(ledger)
    assert stream.getvalue().rpartition("\r")[2].rstrip() == "0/2  success no data  $0.00"


def test_piped_a_wait_is_said_each_minute(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.waits_for(lambda: "waiting: 1 pace, next in 2 s")
    progress.start(2, 2, 1)
    for _ in range(130):
        progress.tick(Ledger())
        clock[0] += 1
    assert stream.getvalue().count("waiting: 1 pace") == 3  # at 0, 60 and 120 s
