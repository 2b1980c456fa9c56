"""The command line as a person types it: exit codes, one message for bad input, nothing lost."""

import json
import subprocess
import sys

import pytest

from diagnose.cli import main

FACTORS = ("gap_hints", "experiment_oracles", "knowledge_notes", "solution_sketches")


def diagnose(*arguments, cwd=None):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "diagnose", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=120,
    )


@pytest.fixture
def gold(tmp_path, capsys):
    """A circuit file that passes C-L1, and its data."""
    assert main(["gold", "C-L1"]) == 0
    data = json.loads(capsys.readouterr().out)
    path = tmp_path / "device.json"
    path.write_text(json.dumps(data))
    return path, data


def test_tasks_lists_all_25_and_shows_one(capsys):
    assert main(["tasks"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 25
    assert main(["tasks", "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 35
    assert main(["tasks", "E-L2"]) == 0
    assert "exactly 6 redstone ticks" in capsys.readouterr().out


def test_verify_passes_and_fails_by_exit_code(gold, capsys):
    path, _ = gold
    assert main(["verify", str(path), "--task", "C-L1"]) == 0
    assert capsys.readouterr().out == "C-L1: pass (nucleation 0.12.0 tick)\n"
    assert main(["verify", str(path), "--task", "A-L1", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["passed"] is False
    assert "skew" in shown["reasons"][0]
    assert len(shown["lamps"]) == 4


def with_repeater_delay_9(data):
    data["blocks"] = [
        [x, y, z, block.replace("delay=2", "delay=9")] for x, y, z, block in data["blocks"]
    ]


def with_far_coordinate(data):
    data["blocks"].append([2_000_000_000, 1, 0, "stone"])


def with_unknown_block(data):
    data["blocks"].append([0, 1, 0, "minecraft:tnt"])


def without_press(data):
    del data["press"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (with_repeater_delay_9, ("delay", "9", "1")),
        (with_far_coordinate, ("2000000000",)),
        (with_unknown_block, ("tnt", "redstone_lamp")),
        (without_press, ("press",)),
    ],
)
def test_a_bad_circuit_is_one_message(gold, capsys, spoil, words):
    path, data = gold
    spoil(data)
    path.write_text(json.dumps(data))
    assert main(["verify", str(path), "--task", "C-L1"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("diagnose: ")
    assert len(shown.err.splitlines()) == 1
    for word in words:
        assert word in shown.err


def test_a_picture_is_drawn(gold, tmp_path):
    from PIL import Image

    path, _ = gold
    out = tmp_path / "device.png"
    assert main(["draw", str(path), "-o", str(out), "--at", "4"]) == 0
    with Image.open(out) as picture:
        assert min(picture.size) > 100


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--plan",), "plan.png"),
        (("--plan", "--at", "2"), "plan.png"),
        (("--timeline",), "times.png"),
        (("--timeline", "--task", "A-L1"), "times.png"),
        (("--sheet", "--task", "C-L1"), "sheet.png"),
        (("--gif",), "press.gif"),
    ],
)
def test_every_kind_of_picture_is_the_same_file_each_time(gold, tmp_path, options, name):
    from PIL import Image

    path, _ = gold
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        assert main(["draw", str(path), "-o", str(tmp_path / folder / name), *options]) == 0
    first = tmp_path / "one" / name
    assert first.read_bytes() == (tmp_path / "two" / name).read_bytes()
    with Image.open(first) as picture:
        assert picture.format == name[-3:].upper()
        assert min(picture.size) > 100


@pytest.mark.parametrize(
    ("options", "name", "words"),
    [
        ((), "device.gif", ("device.gif", "add --gif")),
        ((), "device.jpg", ("device.jpg", ".png")),
        (("--gif",), "device.png", ("device.png", ".gif")),
        (("--gif", "--at", "3"), "device.gif", ("--at", "whole press")),
        (("--timeline", "--at", "3"), "device.png", ("--at", "whole press")),
        (("--at", "-1"), "device.png", ("--at", "0 to 600")),
        (("--at", "601"), "device.png", ("--at", "0 to 600")),
        (("--at", "nan"), "device.png", ("--at", "0 to 600")),
        (("--task", "Z-L1"), "device.png", ("task", "Z-L1")),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(gold, tmp_path, capsys, options, name, words):
    path, _ = gold
    out = tmp_path / name
    assert main(["draw", str(path), "-o", str(out), *options]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("diagnose: ")
    assert len(shown.err.splitlines()) == 1
    assert all(word in shown.err for word in words)
    assert not out.exists()


def test_a_picture_needs_no_task_to_know_how_large_the_device_is(tmp_path):
    far = {
        "blocks": [
            [0, 1, 0, "stone_button[face=floor]"],
            [1, 1, 0, "redstone_wire"],
            [120, 1, 300, "redstone_lamp"],
        ],
        "press": [0, 1, 0],
    }
    path, out = tmp_path / "far.json", tmp_path / "far.png"
    path.write_text(json.dumps(far))
    for option in ([], ["--plan"], ["--timeline"]):
        assert main(["draw", str(path), "-o", str(out), *option]) == 0


SMOKE = ("run", "experiment=smoke", "study.runs=1", "study.tasks=[A-L1]")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("study.runz=3", ("study.runz", "study.runs")),
        ("design=full", ("design", "full")),
        ("subject.profile.identification=1.2", ("identification", "1.2", "0 to 1")),
        ("study.runs=0", ("study.runs", "0")),
        ("study.tasks=[A-L9]", ("A-L9", "a level from 1 to 7")),
        ("budgets.trials=-1", ("budgets.trials", "-1")),
        ("run.workers=-1", ("workers", "-1")),
        ("interventions/gap_hints=maybe", ("gap_hints", "maybe")),
        ("study.name=../up", ("study.name", "../up")),
        ("+study.rnus=2", ("study.rnus", "did you mean runs?")),
        ("+interventions/gap_hint=on", ("interventions/gap_hint", "on")),
        ("+foo=2", ("foo", "2")),
    ],
)
def test_a_bad_override_is_one_message_and_makes_no_folder(tmp_path, override, words):
    done = diagnose(*SMOKE, override, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("diagnose: ")
    assert len(done.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in done.stderr
    assert list(tmp_path.iterdir()) == []


def folder_of(tmp_path):
    (folder,) = (tmp_path / "studies").iterdir()
    return folder


def test_a_study_ends_with_its_table_pictures_and_folder(tmp_path):
    done = diagnose(*SMOKE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = folder_of(tmp_path)
    assert str(folder.relative_to(tmp_path)) in done.stdout
    for capacity in ("identification", "discovery", "consolidation", "application"):
        assert capacity in done.stdout
    assert len((folder / "episodes.jsonl").read_text().splitlines()) == 16
    assert (folder / "device.png").stat().st_size > 1000
    assert (folder / "estimates.csv").read_text().startswith("model,estimand,estimate,ci_low")


def test_one_worker_and_two_write_the_same_canonical_records(tmp_path):
    from diagnose.ledger import canonical_lines

    lines = []
    for workers in (1, 2):
        place = tmp_path / str(workers)
        place.mkdir()
        options = ("study.tasks=[A-L1,C-L2]", f"run.workers={workers}")
        done = diagnose("run", "experiment=smoke", *options, cwd=place)
        assert done.returncode == 0, done.stderr
        lines.append(canonical_lines(folder_of(place)))
    assert lines[0] == lines[1]
    assert len(lines[0]) == 64


def test_a_folder_cut_off_in_mid_write_loses_nothing_and_resumes(tmp_path):
    from diagnose.ledger import canonical_lines

    first = diagnose(*SMOKE, cwd=tmp_path)
    folder = folder_of(tmp_path)
    whole = canonical_lines(folder)
    records = folder / "episodes.jsonl"
    data = records.read_bytes()
    records.write_bytes(data[: len(data) - 700])
    again = diagnose(*SMOKE, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "cut short" in again.stderr
    assert "16 episodes, 1 to run" in again.stderr
    assert canonical_lines(folder) == whole
    assert (folder / "episodes.torn").exists()
    assert again.stdout == first.stdout


def test_a_finished_study_runs_nothing_again(tmp_path):
    first = diagnose(*SMOKE, cwd=tmp_path)
    before = (folder_of(tmp_path) / "episodes.jsonl").read_bytes()
    again = diagnose(*SMOKE, cwd=tmp_path)
    assert "16 episodes, 0 to run" in again.stderr
    assert (folder_of(tmp_path) / "episodes.jsonl").read_bytes() == before
    assert again.stdout == first.stdout


def test_a_factor_named_on_the_command_line_is_held(tmp_path):
    fixed = ("interventions/gap_hints=on", "interventions/solution_sketches=off")
    done = diagnose(*SMOKE, *fixed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (folder_of(tmp_path) / "episodes.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["cell"] for line in lines) == ["1000", "1010", "1100", "1110"]
    assert "Held: gap_hints at 1, solution_sketches at off." in " ".join(done.stdout.split())
    table = (folder_of(tmp_path) / "estimates.csv").read_text()
    assert "shapley:experiment_oracles," in table
    assert "gap_hints," not in table.replace("experiment_oracles", "")


def test_an_unfinished_study_says_so(tmp_path, capsys):
    assert diagnose(*SMOKE, cwd=tmp_path).returncode == 0
    records = folder_of(tmp_path) / "episodes.jsonl"
    records.write_bytes(b"".join(records.read_bytes().splitlines(keepends=True)[:12]))
    assert main(["analyze", str(folder_of(tmp_path))]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "UNFINISHED: 4 of 16 episodes have not run" in said


def test_truth_is_told_only_where_it_was_computed_for(tmp_path):
    done = diagnose(*SMOKE, "budgets.trials=0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (folder_of(tmp_path) / "truth.json").exists()
    assert "truth" not in done.stdout.lower()


def test_a_sweep_makes_one_folder_each(tmp_path):
    designs = "design=one_at_a_time,paper_sequential"
    done = diagnose(*SMOKE, designs, "-m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    counts = [
        len((folder / "episodes.jsonl").read_text().splitlines())
        for folder in (tmp_path / "studies").glob("smoke-*")
    ]
    assert sorted(counts) == [5, 6]
    assert [path.name for path in tmp_path.iterdir()] == ["studies"]


def test_a_table_that_lacks_a_column_is_named(tmp_path, capsys):
    table = tmp_path / "runs.csv"
    table.write_text("model,family,level,task,run,gap_hints\nm,A,1,A-L1,0,1\n")
    assert main(["analyze", str(table)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "success" in error or "experiment_oracles" in error


def test_help_names_the_subcommands(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for command in ("run", "verify", "analyze", "figures", "draw", "tasks"):
        assert command in shown


def test_the_published_tables_are_re_analysed(tmp_path, capsys):
    """Newcombe's interval of 105 against 52 in 200; Fieller's of the two mean gaps."""
    out = tmp_path / "paper.csv"
    assert main(["analyze", "paper", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "26.5 [17.0, 35.3]*" in shown
    assert "2.04 [1.42, 3.16]" in shown
    assert "seq:gap_hints,0.265," in out.read_text()


def test_a_design_without_all_cells_is_reported_by_what_it_can_say(tmp_path):
    done = diagnose(*SMOKE, "design=one_at_a_time", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "alone" in done.stdout
    assert "Shapley" not in done.stdout


def test_interventions_are_laid_over_a_baseline_that_exists(tmp_path):
    """The taken-over study equals, byte for byte, one that ran its own baseline."""
    from diagnose.ledger import canonical_lines

    off = [f"interventions/{name}=off" for name in FACTORS]
    base = diagnose(*SMOKE, *off, "study.folder=base", cwd=tmp_path)
    assert base.returncode == 0, base.stderr
    (run,) = (tmp_path / "base").iterdir()
    laid = diagnose(*SMOKE, f"baseline={run}", "study.folder=laid", cwd=tmp_path)
    assert laid.returncode == 0, laid.stderr
    assert "1 baseline episodes taken" in laid.stderr
    assert "16 episodes, 15 to run" in laid.stderr
    own = diagnose(*SMOKE, "study.folder=own", cwd=tmp_path)
    assert own.returncode == 0, own.stderr
    folders = [next((tmp_path / name).iterdir()) for name in ("laid", "own")]
    assert canonical_lines(folders[0]) == canonical_lines(folders[1])
    other = diagnose(*SMOKE, f"baseline={run}", "study.seed=5", cwd=tmp_path)
    assert other.returncode == 2
    assert "seed" in other.stderr
    assert len(other.stderr.strip().splitlines()) == 1


def test_a_placebo_arm_and_doses_run(tmp_path):
    arms = ("interventions/gap_hints=placebo", "interventions/solution_sketches=doses")
    done = diagnose(*SMOKE, *arms, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (folder_of(tmp_path) / "episodes.jsonl").read_text().splitlines()
    assert len(lines) == 3 * 2 * 2 * 4
    cells = {json.loads(line)["cell"] for line in lines}
    assert {cell[0] for cell in cells} == {"0", "1", "9"}
    assert {cell[3] for cell in cells} == {"0", "1", "2", "3"}
    assert "sham" in done.stdout


def test_a_value_that_must_be_given_is_named_with_its_remedy(tmp_path):
    done = diagnose("run", "subject=litellm", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "diagnose: subject.model: received '???'; it must be given: add subject.model=... to the "
        "command\n"
    )


def test_a_cap_on_a_subject_that_costs_nothing_is_refused(tmp_path):
    done = diagnose("run", "experiment=smoke", "caps.usd=1", cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing this subject does is paid for" in done.stderr


def test_importing_the_packages_loads_neither_a_model_client_nor_torch():
    code = (
        "import sys, diagnose.cli.run, diagnose.cli.compose, diagnose.models.litellm, analysis; "
        "print(sorted({'litellm', 'torch', 'openai'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
