"""``diagnose verify``: with a task, or only the press; with either engine."""

import json

import pytest

from diagnose.cli import main
from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from tests.cli.test_cli import gold  # noqa: F401  (a fixture)


def _write(tmp_path, *blocks):
    path = tmp_path / "any.json"
    data = {"blocks": [list(block) for block in blocks], "press": list(blocks[0][:3])}
    path.write_text(json.dumps(data))
    return str(path)


@pytest.mark.parametrize("engine", ["tick", "mchprs"])
def test_the_verdict_says_which_engine_judged(gold, engine, capsys):  # noqa: F811
    path = str(gold[0])
    assert main(["verify", path, "--task", "C-L1", "--engine", engine]) == 0
    assert capsys.readouterr().out == f"C-L1: pass (nucleation 0.12.0 {engine})\n"
    assert main(["verify", path, "--task", "A-L1", "--engine", engine, "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["engine"] == f"nucleation 0.12.0 {engine}"
    assert (shown["passed"], shown["lit"]) == (False, 4)


@pytest.mark.parametrize("engine", ["tick", "mchprs"])
def test_the_press_alone_reports_every_lamp(tmp_path, engine, capsys):
    path = _write(
        tmp_path,
        (0, 1, 0, "stone_button[face=floor]"),
        (1, 1, 0, "redstone_lamp"),
        (2, 1, 0, "glass"),
        (3, 1, 0, "redstone_lamp"),  # beyond glass: dark
        (9, 1, 0, "redstone_block"),
        (9, 1, 1, "redstone_lamp"),  # lit before: the press does not light it
    )
    assert main(["verify", path, "--press-only", "--json", "--engine", engine]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["lit"] == 1
    assert shown["lamps"] == [[1, 1, 0, [[0, 12]]], [3, 1, 0, []], [9, 1, 1, [[0, None]]]]
    assert shown["lit_before"] == [[9, 1, 1]]
    assert (shown["settled"], shown["quiet"], shown["area_side"]) == (True, True, 33)
    assert main(["verify", path, "--press-only", "--engine", engine]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"lit: 1 of 3 lamps (nucleation 0.12.0 {engine})",
        "0..12 rt: [1, 1, 0]",
        "0.. rt (lit before the press): [9, 1, 1]",
        "dark: [3, 1, 0]",
    ]


def test_a_lamp_lit_before_counts_if_the_press_lights_it_again() -> None:
    entries = [
        [0, 1, 0, "stone_button[face=floor]"],
        [1, 1, 0, "redstone_wire"],
        [2, 1, 0, "stone"],
        [3, 1, 0, "redstone_wall_torch[facing=east]"],
        [4, 1, 0, "redstone_lamp"],
    ]
    trace = press(Circuit.from_json({"blocks": entries, "press": [0, 1, 0]}, 33), 33)
    assert trace.lit == 1
    assert trace.lit_before == ((4, 1, 0),)


def test_the_area_grows_with_the_device(tmp_path, capsys):
    path = _write(
        tmp_path,
        (1000, 1, -7, "stone_button[face=floor]"),
        (1001, 1, -7, "redstone_lamp"),
        (1100, 1, -7, "redstone_lamp"),
    )
    assert main(["verify", path, "--press-only", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["area_side"], shown["lit"], len(shown["lamps"])) == (101, 1, 2)
    path = _write(tmp_path, (0, 1, 0, "stone_button[face=floor]"), (600, 1, 0, "stone"))
    assert main(["verify", path, "--press-only"]) == 2
    assert "use at most 512 columns" in capsys.readouterr().err


def test_a_clock_is_told_apart_from_a_quiet_circuit(tmp_path, capsys):
    path = _write(
        tmp_path,
        (0, 1, 0, "stone_button[face=floor]"),
        (5, 1, 5, "stone"),
        (6, 1, 5, "redstone_wall_torch[facing=east]"),
        (6, 1, 6, "redstone_wire"),
        (6, 1, 7, "redstone_wire"),
        (5, 1, 7, "redstone_wire"),
        (5, 1, 6, "repeater[facing=south,delay=4]"),
    )
    assert main(["verify", path, "--press-only"]) == 0
    told = capsys.readouterr().out
    assert "never comes to rest" in told
    assert "still changing 600 rt after the press" in told


def test_a_task_or_the_press_alone_must_be_named(gold, capsys):  # noqa: F811
    path = str(gold[0])
    for rest in ([], ["--task", "C-L1", "--press-only"]):
        with pytest.raises(SystemExit, match="2"):
            main(["verify", path, *rest])
    assert main(["verify", path, "--press-only", "--engine", "vanilla"]) == 2
    assert "use one of tick, mchprs" in capsys.readouterr().err
