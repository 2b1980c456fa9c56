"""The failure labeller against faults that are known because they were planted."""

import json
import random
from collections import Counter

import pytest

from benchmarks.labels import PARTS, faulty, ignorant
from diagnose.cli import main
from diagnose.env.causes import CAPACITY_CONVENTION, CAUSES
from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from diagnose.env.labels import failures
from diagnose.env.timing import Expected
from diagnose.laws import CATALOGUE
from diagnose.tasks import Task, task
from diagnose.tasks.failing import causes_of
from tests.env.circuits import BUTTON, LAMP, SIDE, WIRE, circuit, line, random_circuit

START = ((0, 1, 0, BUTTON), (1, 1, 0, WIRE))


def _named(one: Circuit, presses: int = 4) -> list[str]:
    return [found.cause for found in failures(one, press(one, SIDE), SIDE, None, presses)]


def test_every_cause_has_a_law_of_the_catalogue_and_a_published_category():
    for cause in CAUSES.values():
        assert cause.law in {"", *CATALOGUE}
        assert cause.category in CAPACITY_CONVENTION
    assert {cause.law for cause in CAUSES.values()} == {"", *CATALOGUE}


@pytest.mark.parametrize(
    ("one", "cause"),
    [
        (line(WIRE, "air", WIRE, LAMP), "gap_in_wire"),
        (line(WIRE, "air", LAMP), "no_wire_to_lamp"),
        (line(WIRE, "air", "air", "air", WIRE, LAMP), "missing_rail"),
        (line(WIRE, "repeater[facing=south]", WIRE, LAMP), "repeater_backwards"),
        (line(WIRE, "repeater[facing=east]", WIRE, LAMP), "repeater_sideways"),
        (line(WIRE, "glass", LAMP), "non_conductor"),
        (line(WIRE, "stone", WIRE, LAMP), "weak_power"),
        (line(*(WIRE,) * 16, LAMP), "signal_died"),
        (circuit(*START, (2, 1, 1, WIRE), (3, 1, 1, LAMP)), "diagonal_gap"),
        (circuit(*START, (2, 1, 0, WIRE), (2, 1, 1, LAMP)), "dust_passes_lamp"),
        (
            circuit(*START, (1, 1, 1, WIRE), (2, 1, 0, LAMP)),
            "dust_turned_away",
        ),
        (
            circuit(
                *[*START, (2, 1, 0, "stone"), (2, 2, 0, "stone")],
                *[(2, 3, 0, WIRE), (3, 3, 0, LAMP)],
            ),
            "step_too_high",
        ),
        (
            circuit(
                *[*START, (2, 1, 0, "stone"), (2, 2, 0, WIRE)],
                *[(1, 2, 0, "stone"), (3, 2, 0, LAMP)],
            ),
            "slope_cut",
        ),
        (
            circuit(
                *[*START, (2, 1, 0, "repeater[facing=west]")],
                *[(3, 1, 0, LAMP), (2, 1, 1, "repeater[facing=south]")],
                (2, 1, 2, "redstone_block"),
            ),
            "repeater_locked",
        ),
    ],
)  # fmt: skip
def test_one_fault_between_button_and_lamp_is_named(one: Circuit, cause: str):
    assert _named(one)[0] == cause


def test_a_repair_that_helps_confirms_and_the_next_fault_is_found_behind_it():
    one = line(WIRE, "air", WIRE, "repeater[facing=south]", WIRE, "air", LAMP)
    found = failures(one, press(one, SIDE), SIDE, None, presses=5)
    assert {(each.cause, each.confirmed) for each in found} == {
        ("gap_in_wire", True),
        ("repeater_backwards", True),
        ("no_wire_to_lamp", True),
    }


def test_what_is_lit_or_moves_when_it_should_not():
    lit = circuit((0, 1, 0, BUTTON), (4, 1, 0, LAMP), (5, 1, 0, "redstone_block"))
    assert _named(lit) == ["lit_before_press"]
    moving = circuit(
        *[(0, 1, 0, BUTTON), (1, 1, 0, LAMP)],
        *[(8, 1, 8, "observer[facing=east]"), (9, 1, 8, "observer[facing=west]")],
    )
    assert "never_settles" in _named(moving)


def test_ninety_percent_of_planted_faults_are_named_first():
    """A sample of benchmarks/labels.py: tasks and seeds that the labeller was not tuned on."""
    levels, seeds = (2, 4), range(400, 401)
    assert not set(seeds) & set(PARTS["tuned"][1])
    cases = list(faulty(levels, seeds))
    right, total = Counter(), Counter()
    for case in cases:
        total[case.truth] += 1
        right[case.truth] += causes_of(case.task, case.circuit)[0].cause == case.truth
    assert len(cases) > 100
    assert right.total() >= 0.9 * total.total()
    assert sum(right[cause] / total[cause] for cause in total) >= 0.9 * len(total)


def test_the_law_that_an_agent_lacks_is_named():
    rows = list(ignorant(1))
    right = [causes_of(one, device)[0].law in truth for one, device, truth in rows]
    assert sum(right) >= 0.9 * len(rows)


def test_any_failing_device_has_a_cause_and_any_label_is_wellformed():
    """Random circuits, most of them nonsense: never an error, never a failure without a cause."""
    for seed in range(45):
        one = random_circuit(seed, size=random.Random(seed).choice((4, 6, 9)))
        lamps = len(one.cells("redstone_lamp"))
        wanted = [
            Task("A", 0, lamps, SIDE, {"skew_rt": 0}),
            Task("C", 0, lamps, SIDE, {"delays_rt": [1] * max(lamps - 1, 0)}),
            Task("E", 0, lamps, SIDE, {"tau_rt": 4}),
        ][seed % 3]
        if not lamps:
            continue
        found = causes_of(wanted, one, presses=2)
        for each in found:
            assert set(each.lamps) <= set(one.cells("redstone_lamp"))
            assert json.dumps(each.to_json())
        dark = {pos for pos, lit in press(one, SIDE).lamps.items() if not lit}
        assert dark <= {pos for each in found for pos in each.lamps}


def test_timing_faults_name_the_setting_that_is_wrong():
    parts = (WIRE, "repeater[facing=north,delay=2]", WIRE)
    one = circuit(
        (0, 1, 0, BUTTON),
        *((0, 1, z, part) for z, part in enumerate(parts, start=1)),
        *[(1, 1, 1, WIRE), (2, 1, 1, LAMP), (1, 1, 3, WIRE), (2, 1, 3, LAMP)],
    )
    (found,) = failures(one, press(one, SIDE), SIDE, Expected(2, gaps_rt=(1,)), presses=1)
    assert (found.cause, found.cells, found.confirmed) == (
        "repeater_delay_wrong",
        ((0, 1, 2),),
        True,
    )
    assert failures(one, press(one, SIDE), SIDE, Expected(2, gaps_rt=(2,))) == ()


def test_explain_names_causes_and_exit_codes(tmp_path, capsys):
    file = tmp_path / "device.json"
    assert main(["gold", "C-L1"]) == 0
    gold = json.loads(capsys.readouterr().out)
    file.write_text(json.dumps(gold))
    assert main(["explain", str(file), "--task", "C-L1"]) == 0
    assert capsys.readouterr().out == "C-L1: pass\n"
    gold["blocks"] = [
        [x, y, z, block.replace("delay=2", "delay=3")] for x, y, z, block in gold["blocks"]
    ]
    file.write_text(json.dumps(gold))
    assert main(["explain", str(file), "--task", "C-L1", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["causes"][0]["cause"] == "repeater_delay_wrong"
    assert shown["causes"][0]["law"] == "repeater_delay"
    assert shown["causes"][0]["confirmed"] is True
    assert main(["explain", str(file), "--task", "C-L1"]) == 1
    assert "a repair confirms it" in capsys.readouterr().out


def test_no_button_is_a_cause():
    (found,) = causes_of(task("A-L1"), None)
    assert found.cause == "button_count"
