"""The harness that breaks studies at random, at a small size; see benchmarks/chaos.py."""

import pytest

from benchmarks import chaos


@pytest.mark.slow
def test_nothing_is_lost_run_twice_or_different(capsys: pytest.CaptureFixture[str]) -> None:
    count = chaos.main(["--studies", "2", "--episodes", "240", "--faults", "5", "--seed", "3"])
    assert (count.studies, count.episodes, count.faults.total()) == (2, 480, 10)
    assert (count.lost, count.twice, count.mismatched) == (0, 0, 0)
    assert "lost 0, run twice 0, mismatched 0" in capsys.readouterr().out
