"""``diagnose collect``: the same bytes each time, clear errors, quiet for another program."""

import json

import pytest

from diagnose.cli.main import BAD_INPUT, OK, main
from diagnose.training.dataset import Dataset
from tests.data.studies import records


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Two folders of records: one of plain episodes, one where programs come as tool calls."""
    home = tmp_path_factory.mktemp("studies")
    for name, overrides in (("text", ()), ("tools", ("scaffold.protocol=tools",))):
        (home / name).mkdir()
        lines = "".join(one.to_line() for one in records(*overrides))
        (home / name / "episodes.jsonl").write_text(lines, encoding="utf-8")
    return home


def collect(*arguments) -> int:
    return main(["collect", *map(str, arguments)])


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


EVERYTHING = [
    *("--gold", "--own", "--distil", "--keep", "program", "--pairs", "--hold-out", "C-L2,A-L1"),
    *("--validation", "0.5", "--per-task", "2", "--corrupt", "0.5", "--seed", "4"),
]


def test_the_same_records_in_any_order_make_the_same_bytes(studies, tmp_path, capsys):
    out = tmp_path / "data"
    assert collect(studies / "text", "-o", out, *EVERYTHING) == OK
    first = files(out)
    assert collect(studies / "text", "-o", out, *EVERYTHING) == OK
    assert files(out) == first
    lines = (studies / "text" / "episodes.jsonl").read_text(encoding="utf-8").splitlines()
    for part, chosen in (("one", lines[::-2]), ("other", lines[-2::-2])):
        (tmp_path / part).mkdir()
        (tmp_path / part / "episodes.jsonl").write_text("\n".join([*chosen, ""]), encoding="utf-8")
    parts = (tmp_path / "one", tmp_path / "other")
    assert collect(*parts, "-o", tmp_path / "again", *EVERYTHING) == OK
    assert files(tmp_path / "again") == first
    assert set(first) == {"examples.jsonl", "pairs.jsonl", "data.json"}
    # Piped, it says where the data is and nothing else.
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(out), str(out), str(tmp_path / "again")]
    assert printed.err == ""


def test_another_seed_draws_otherwise(studies, tmp_path):
    for seed in (1, 2):
        out = tmp_path / str(seed)
        collect(studies / "text", "-o", out, "--gold", "--corrupt", "0.5", "--seed", seed)
    one, other = (Dataset.read(tmp_path / str(seed)).every_example for seed in (1, 2))
    assert [example.source for example in one] == [example.source for example in other]
    assert one != other


def test_episodes_are_chosen_and_counted(studies, tmp_path):
    out = tmp_path / "data"
    choice = ["--family", "A,C", "--level", "1", "--cell", "0000,1000", "--run", "0"]
    assert collect(studies / "text", "-o", out, "--gold", "--near", "1", *choice) == OK
    about = json.loads((out / "data.json").read_text())
    data = Dataset.read(out)
    assert {(one.source.task, one.source.cell, one.source.run) for one in data.examples()} == {
        (task, cell, 0) for task in ("A-L1", "C-L1") for cell in ("0000", "1000")
    }
    assert about["episodes"] == 4
    assert about["selection"]["wanted"]["levels"] == [1]
    assert about["counts"]["train"]["examples"] == 4  # of one run, none is left to validate
    assert about["validation_runs"] == []


def test_what_was_left_out_is_printed_on_a_terminal(studies, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert collect(studies / "text", "-o", tmp_path / "data") == OK
    failed = sum(one.success is False for one in records())
    printed = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["it", "failed", str(failed)] for line in printed)
    assert printed[-1] == str(tmp_path / "data")


def test_an_episode_of_two_studies_counts_once(studies, tmp_path):
    collect(studies / "text", "-o", tmp_path / "one")
    collect(studies / "text", studies / "text", "-o", tmp_path / "two")
    one, two = (Dataset.read(tmp_path / name) for name in ("one", "two"))
    assert one.every_example == two.every_example
    assert two.about["left_out"]["recorded by another study too"] == len(records())


def test_formats_are_mixed_when_asked_for_only(studies, tmp_path, capsys):
    both = [studies / "text", studies / "tools"]
    assert collect(*both, "-o", tmp_path / "data") == BAD_INPUT
    said = capsys.readouterr().err
    assert "text/standard (48), tools/standard (48)" in said
    assert "add --mixed" in said
    assert not (tmp_path / "data").exists()
    assert collect(*both, "-o", tmp_path / "data", "--mixed") == OK
    data = Dataset.read(tmp_path / "data")
    assert {bool(one.tools) for one in data.every_example} == {True, False}


def test_demonstrations_need_no_study(tmp_path):
    described = ["--set", "study.tasks=[B-L1]", "--set", "study.runs=1", "--set", "env=renamed"]
    assert collect("--gold", *described, "-o", tmp_path / "data", "--distil") == OK
    data = Dataset.read(tmp_path / "data")
    assert [one.source.kind for one in data.examples()] == ["gold"]
    assert data.about["selection"]["planned"] == described[1::2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name studies' folders"),
        (["--gold", "--own"], "name studies' folders"),
        (["--gold", "--set", "nonsense=1"], "--set"),
        (["TEXT", "--set", "study.runs=1"], "it describes a study"),
        (["TEXT", "--own"], "without --gold"),
        (["TEXT", "--task", "Z-L1"], "name a family"),
        (["TEXT", "--family", "Z"], "choose from A, B"),
        (["TEXT", "--cell", "7777"], "none is the one asked for"),
        (["TEXT", "--hold-out", "L9"], "name tasks, families and levels"),
        (["TEXT", "--validation", "1"], "give a share"),
        (["TEXT", "--validation", "nan"], "give a share"),
        (["TEXT", "--near", "0"], "give a share"),
        (["TEXT", "--per-task", "-1"], "or more"),
        (["TEXT", "--corruption", "gremlins"], "choose one of wrong_delay"),
        (["NOWHERE"], "no records here"),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(studies, tmp_path, capsys, arguments, said):
    places = {"TEXT": studies / "text", "NOWHERE": studies / "nowhere"}
    given = [places.get(one, one) for one in arguments]
    assert collect(*given, "-o", tmp_path / "data") == BAD_INPUT
    assert said in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_records_without_a_success_say_so(tmp_path, capsys):
    lines = [one.to_line() for one in records() if one.success is False]
    (tmp_path / "episodes.jsonl").write_text("".join(lines), encoding="utf-8")
    assert collect(tmp_path, "-o", tmp_path / "data") == BAD_INPUT
    assert f"no example is left ({len(lines)}: it failed)" in capsys.readouterr().err


def test_another_s_folder_is_refused_before_any_work(studies, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert collect(studies / "text", "-o", tmp_path) == BAD_INPUT
    assert "holds something else" in capsys.readouterr().err
