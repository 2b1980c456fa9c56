"""Tables of other benchmarks: factors of their own, named on the command line."""

import itertools
from pathlib import Path

import pandas as pd
import pytest

from analysis import Study
from diagnose.cli import main
from diagnose.errors import InputError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        ("agent", kind, 1, f"{kind}-{number}", run, manual, planner, (manual + run) % 2)
        for kind, number, run, manual, planner in itertools.product(
            "xy", range(3), range(2), (0, 1), (0, 1)
        )
    ]
    columns = ["model", "family", "level", "task", "run", "manual", "planner", "success"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "own.csv", index=False)
    return tmp_path / "own.csv"


def test_the_commands_take_the_factors_of_a_table(table: Path, capsys: pytest.CaptureFixture[str]):
    named = ["--factors", "manual,planner"]
    out = table.with_name("estimates.csv")
    assert main(["analyze", str(table), *named, "--out", str(out)]) == 0
    written = pd.read_csv(out).set_index("estimand")
    frame = Study.load(table, ["manual", "planner"]).estimates().to_frame().set_index("estimand")
    assert list(written.index) == list(frame.index)
    assert written.loc["ame:manual", "estimate"] == frame.loc["ame:manual", "estimate"]
    assert main(["analyze", str(table), *named, "--explain", "shapley:planner"]) == 0
    assert "shapley:planner" in capsys.readouterr().out
    assert main(["report", str(table), *named, "--quick"]) == 0
    page = (table.with_suffix("") / "report" / "report.html").read_text(encoding="utf-8")
    assert "--factors manual,planner" in page


def test_without_the_option_the_missing_columns_are_named(table: Path, capsys):
    assert main(["analyze", str(table)]) == 2
    assert "gap_hints" in capsys.readouterr().err


def test_a_study_names_its_own(tmp_path: Path):
    from diagnose.cli.factors import with_factors

    with pytest.raises(InputError, match="records name its factors"):
        with_factors(tmp_path, "manual", "new")
    assert with_factors(tmp_path, None, "new") is None
    assert main(["analyze", "paper", "--factors", "manual"]) == 2
