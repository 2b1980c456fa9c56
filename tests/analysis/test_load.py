"""What comes in: study folders and tables, sound and broken."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.layout import INTERVENTIONS
from analysis.load import load
from analysis.study import Study
from diagnose.errors import InputError
from tests.analysis.studies import TASKS, record, table, write_study


@pytest.fixture
def sound() -> pd.DataFrame:
    return table(lambda _task, cell: 0.2 + 0.15 * sum(cell), tasks=TASKS[:6], runs=2)


def saved(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_comes_back_as_it_was(sound: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    sound["success"] = sound["success"].astype(float)
    sound.loc[7, "success"] = np.nan
    shuffled = sound.sample(frac=1, random_state=3)
    read = Study.load(saved(shuffled, tmp_path / f"t.{suffix}"))
    order = ["model", "family", "level", "task", "run", *INTERVENTIONS]
    expected = sound.sort_values(order)["success"].to_numpy()
    assert read.episodes["success"].to_numpy() == pytest.approx(expected, nan_ok=True)
    assert read.missing == {"cause not recorded": 1}
    assert read.layout.factors == INTERVENTIONS
    assert read.layout.tasks == tuple(TASKS[:6])


def test_levels_may_carry_their_letter(sound: pd.DataFrame, tmp_path: Path) -> None:
    plain = load(saved(sound, tmp_path / "a.csv")).table
    sound["level"] = "L" + sound["level"].astype(str)
    assert load(saved(sound, tmp_path / "b.csv")).table.equals(plain)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("success", "2", "leave it empty when the episode was not observed"),
        ("success", "yes", "column success, line 5: received 'yes'"),
        ("success", "nan", "column success, line 5"),
        ("success", "0.5", "column success, line 5"),
        ("gap_hints", "10", r"column gap_hints, line 5: received '10'; give the dose: 0 \(off\)"),
        ("gap_hints", "", "column gap_hints, line 5: received ''"),
        ("level", "easy", "give a level such as 3 or L3"),
        ("run", "first", "column run, line 5: received 'first'; give a whole number"),
        ("run", "1.5", "give a whole number"),
        ("model", "ALL", "it names the models' mean"),
        ("model", " ", "column model, line 5: received ' '; give a name"),
        ("level", "4", "task A-L1 has level 1 elsewhere"),
        ("family", "B", "task A-L1 has family A elsewhere"),
    ],
)
def test_a_bad_value_is_named(
    sound: pd.DataFrame, tmp_path: Path, column: str, value: str, said: str
) -> None:
    text = sound.astype(str)
    text.loc[3, column] = value
    with pytest.raises(InputError, match=said) as caught:
        load(saved(text, tmp_path / "t.csv"))
    assert str(caught.value).startswith("t.csv: column ")


def test_a_missing_column_is_named(sound: pd.DataFrame, tmp_path: Path) -> None:
    path = saved(sound.drop(columns="knowledge_notes"), tmp_path / "t.csv")
    with pytest.raises(InputError, match=r"t\.csv: column knowledge_notes: .*add the column"):
        load(path)


def test_an_episode_twice_is_refused(sound: pd.DataFrame, tmp_path: Path) -> None:
    twice = pd.concat([sound, sound.iloc[[4]]])
    with pytest.raises(InputError, match="stands at line 6 already"):
        load(saved(twice, tmp_path / "t.csv"))


def test_lines_of_another_length_are_refused(sound: pd.DataFrame, tmp_path: Path) -> None:
    path = saved(sound, tmp_path / "t.csv")
    whole = path.read_text(encoding="utf-8").splitlines()
    for last in (whole[-1][:-2], whole[-1] + ",1"):
        path.write_text("\n".join([*whole[:-1], "", last]), encoding="utf-8")
        said = rf"t\.csv: line {len(whole) + 1}: .*the header has 10 fields, this line"
        with pytest.raises(InputError, match=said):
            load(path)
    path.write_text(whole[0].replace("run", "task") + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="give each column one name"):
        load(path)


@pytest.mark.parametrize("text", ["", "a,b\n1\n2,3,4,5\n", "model,family\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.csv"):
        load(path)
    path.write_bytes(b"\xff\xfe\x00PAR1")
    with pytest.raises(InputError, match=r"t\.csv"):
        load(path)
    broken = tmp_path / "t.parquet"
    broken.write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"t\.parquet"):
        load(broken)


def test_no_such_source_and_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a study folder"):
        load(tmp_path / "absent.csv")
    (tmp_path / "t.xlsx").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match=r"\.csv or a \.parquet"):
        load(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="no records here"):
        load(tmp_path)


def test_a_fifth_factor_is_named_by_the_caller(sound: pd.DataFrame, tmp_path: Path) -> None:
    both = pd.concat([sound.assign(planning=0), sound.assign(planning=1)])
    study = Study.load(saved(both, tmp_path / "t.csv"), factors=["planning"])
    assert study.layout.factors == (*INTERVENTIONS, "planning")
    frame = study.estimates().to_frame()
    assert set(frame["factors"]) == {" ".join((*INTERVENTIONS, "planning"))}
    names = set(frame["estimand"])
    assert {"cell:01101", "shapley:planning", "int:gap_hints*planning"} <= names


def test_records_of_a_study(tmp_path: Path) -> None:
    lost = {"success": None, "outcome": "not_observed", "missing_cause": "rate_limit"}
    folder = write_study(
        tmp_path / "s",
        [
            record(cell="0000", success=False, outcome="failed"),
            record(cell="1001"),
            record(cell="0110", **lost),
            record(cell="0011", **lost),
            record(cell="0011"),  # the episode ran again and was observed
        ],
    )
    study = Study.load(folder)
    assert study.name == "s"
    assert study.missing == {"rate_limit": 1}
    got = study.episodes.set_index(list(INTERVENTIONS))
    assert got.loc[(0, 0, 0, 0), "success"] == 0
    assert got.loc[(1, 0, 0, 1), "success"] == 1
    assert np.isnan(got.loc[(0, 1, 1, 0), "success"])
    assert got.loc[(0, 0, 1, 1), "success"] == 1
    assert got.loc[(1, 0, 0, 1), "used_gap_hints"] == 1
    assert got.loc[(0, 0, 0, 0), "used_gap_hints"] == 0
    assert study.capacities["knowledge_notes"] == "consolidation"


@pytest.mark.parametrize("tail", ['{"cell": "00', '{"half": ', "\xff"])
def test_a_torn_last_line_is_left_out_aloud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tail: str
) -> None:
    folder = write_study(tmp_path, [record(), record(run=1)])
    with (folder / "episodes.jsonl").open("a", encoding="latin-1") as handle:
        handle.write(tail)
    assert len(Study.load(folder).episodes) == 2
    said = capsys.readouterr().err
    assert f"torn ({len(tail)} bytes)" in said
    assert said.count("\n") == 1


def test_a_broken_line_in_the_middle_is_refused(tmp_path: Path) -> None:
    folder = write_study(tmp_path, [record(), record(run=1)])
    file = folder / "episodes.jsonl"
    first, second = file.read_text(encoding="utf-8").splitlines()
    file.write_text(f"{first}\n{first[:40]}\n{second}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"episodes\.jsonl: line 2"):
        Study.load(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"success": "yes"}, "line 2: success"),
        ({"cell": "00x0"}, "line 2: cell"),
        ({"factors": INTERVENTIONS[::-1]}, "the lines before have"),
        ({"level": "x"}, "column level, line 2"),
        ({"model": ["m"]}, "line 2: model: .*give a name or a number"),
        ({"success": []}, "line 2: success"),
        ({"level": 10**400}, "line 2: level: received 'a huge number'"),
        ({"causes": [{}]}, "line 2: causes"),
        ({"factors": [*INTERVENTIONS[:3], "line"]}, "the lines before have"),
    ],
)
def test_a_record_that_cannot_be_trusted_is_named(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    folder = write_study(tmp_path, [record(), record(run=1, **changes)])
    with pytest.raises(InputError, match=said):
        Study.load(folder)


@pytest.mark.parametrize("name", ["success", "gap_hints"])
def test_a_factor_with_a_name_that_is_taken_is_refused(tmp_path: Path, name: str) -> None:
    folder = write_study(tmp_path, [record(factors=(*INTERVENTIONS[:3], name))])
    with pytest.raises(InputError, match=rf"line 1: factors: .*'{name}'.*a name of its own"):
        Study.load(folder)


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("{}", True),
        ('{"model": "\\ud800"}', True),  # half a surrogate pair: JSON all the same
        ('{"a": 01}', False),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", False),
        ("[1]", False),
        ('{"transcript": "' + chr(1) + '"}', False),  # in a field that is not kept
    ],
)
def test_a_line_is_whole_or_broken_as_json_says(tmp_path: Path, line: str, *, whole: bool) -> None:
    folder = write_study(tmp_path, [record()])
    with (folder / "episodes.jsonl").open("a", encoding="utf-8") as handle:
        handle.write(line + "\n" + record(run=1).to_line())
    said = "the record lacks this field" if whole else "restore the line from a copy"
    with pytest.raises(InputError, match=rf"episodes\.jsonl: line 2: .*{said}"):
        Study.load(folder)


def test_an_observed_episode_twice_is_refused(tmp_path: Path) -> None:
    folder = write_study(tmp_path, [record(), record(run=1), record()])
    with pytest.raises(InputError, match=r"line 3: episode: .*line 1 has it already"):
        Study.load(folder)


def declared(folder: Path, **more: object) -> Path:
    """Put a study.json into a folder that varies three interventions and holds the fourth off."""
    factors = [{"name": name, "levels": [0, 1]} for name in INTERVENTIONS[:3]]
    header = {"factors": [*factors, {"name": INTERVENTIONS[3], "levels": [0]}], "episodes": 4}
    (folder / "study.json").write_text(json.dumps(header | more), encoding="utf-8")
    return folder


def test_factors_that_a_design_switches_together_have_one_joint_effect(tmp_path: Path) -> None:
    rates = {"0000": 0, "1000": 1, "0110": 0, "1110": 1}
    rows = [record(cell=code, success=bool(passed)) for code, passed in rates.items()]
    truth = {"cells": {"0000": 0.1, "1000": 0.4, "0110": 0.3, "1110": 0.8}, "tasks": {}}
    pair = ["experiment_oracles", "knowledge_notes"]
    study = Study.load(declared(write_study(tmp_path, rows, truth), bundles=[pair]))
    joint = "experiment_oracles+knowledge_notes"
    assert study.layout.factors == ("gap_hints", joint)
    assert study.capacities[joint] == "discovery + consolidation"
    frame = study.estimates("fixed").to_frame().set_index("estimand")
    assert frame.loc["shapley:gap_hints", "estimate"] == 1
    assert frame.loc[f"shapley:{joint}", "truth"] == pytest.approx((0.2 + 0.4) / 2)
    assert frame.loc[f"int:gap_hints*{joint}", "truth"] == pytest.approx(0.8 - 0.4 - 0.3 + 0.1)


@pytest.mark.parametrize("bad", [[["x", "y"]], [["gap_hints"]], "no"])
def test_bundles_that_cannot_be_are_left_aside(tmp_path: Path, bad: object) -> None:
    rows = [record(cell="0000"), record(cell="1000")]
    folder = declared(write_study(tmp_path, rows), bundles=bad)
    assert Study.load(folder).layout.factors == INTERVENTIONS[:3]


def test_a_chained_study_clusters_by_family_and_run(tmp_path: Path) -> None:
    rows = [
        record(cell=cell, run=run, chain=f"A/run{run}/{cell}" if cell[2] == "1" else "")
        for cell in ("0000", "0010")
        for run in range(2)
    ]
    table = Study.load(write_study(tmp_path, rows)).episodes
    assert list(table["chain"]) == [f"A/run{run}" for run in table["run"]]
    plain = Study.load(
        write_study(tmp_path / "b", [replace(row, chain="") for row in rows])
    ).episodes
    assert "chain" not in plain.columns


def test_truth_follows_the_order_of_factors(tmp_path: Path) -> None:
    turned = {"factors": INTERVENTIONS[::-1]}
    rows = [record(cell=code, **turned) for code in ("0000", "1000")]
    truth = {"cells": {"0000": 0.1, "1000": 0.4}, "tasks": {"A-L1": {"0000": 0.1, "1000": 0.4}}}
    study = Study.load(write_study(tmp_path, rows, truth))
    frame = study.estimates("fixed").to_frame().set_index("estimand")
    assert study.layout.factors == INTERVENTIONS
    assert frame.loc["cell:0001", "truth"] == 0.4  # the record's first digit is our last
    assert frame.loc["add1:solution_sketches", "truth"] == pytest.approx(0.3)
    (tmp_path / "truth.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"truth\.json"):
        Study.load(tmp_path)
