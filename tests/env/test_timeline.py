"""The timeline: every lamp once, as the trace has it; and what is due where the rule says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from diagnose.env.experiments import true_laws
from diagnose.env.flat import LIT, PANEL
from diagnose.env.timeline import GROUPED_FROM, render_timeline, timeline_of
from diagnose.env.trace import Interval, Trace, Window
from diagnose.tasks import FAMILIES, Task, build_device, family_of, task
from tests.env.circuits import LAMP, WIRE, line

PARAMS = {
    "A": {"skew_rt": 1},
    "B": {"reach": 8},
    "C": {"delays_rt": [1, 2, 1]},
    "D": {"distances": [4, 8, 12, 16]},
    "E": {"tau_rt": 4},
}
OF_TIMES = {"B": "never all lit", "D": "lamps do not light at one tick"}


def trace_of(*times: tuple[int, int | None]) -> Trace:
    """A trace of lamps in a row, each lit once from one moment to another."""
    lamps = {(2 * number, 1, 0): (Interval(*pair),) for number, pair in enumerate(times)}
    return Trace(lamps, settled=True, lit_before=(), quiet=True, end_rt=40)


lit_once = st.tuples(st.integers(0, 5), st.integers(1, 12)).map(lambda at: (at[0], at[0] + at[1]))
in_time = st.permutations([(0, 6), (1, 6), (3, 9), (4, 10)]) | st.just([(2, 8)] * 4)


@pytest.mark.parametrize("letter", FAMILIES)
@given(times=st.lists(lit_once, min_size=4, max_size=4) | in_time)
def test_windows_are_met_exactly_when_the_rule_of_times_holds(letter, times):
    """The judge's own rule is the oracle: the windows are computed without it."""
    chosen = Task(letter, 0, 4, 33, PARAMS[letter])
    trace = trace_of(*times)
    family = family_of(chosen)
    said = family.reasons(chosen, Circuit({}, (0, 1, 0)), trace)
    broken = [reason for reason in said if reason.startswith(OF_TIMES.get(letter, ""))]
    windows = family.windows(chosen, trace)
    assert windows.keys() == trace.lamps.keys()
    assert all(windows[pos].met_by(lit) for pos, lit in trace.lamps.items()) == (not broken)


@pytest.mark.parametrize("task_id", ["A-L2", "B-L2", "C-L2", "D-L2", "E-L2"])
def test_a_device_that_passes_meets_every_window(task_id):
    chosen = task(task_id)
    family = family_of(chosen)
    trace = press(build_device(chosen, true_laws()), chosen.area_side)
    rows = timeline_of(trace, family.windows(chosen, trace)).rows
    assert [row.met for row in rows] == [True] * chosen.lamps


@pytest.mark.parametrize("letter", FAMILIES)
def test_lamps_that_stay_dark_have_windows_that_are_not_met(letter):
    chosen = Task(letter, 0, 4, 33, PARAMS[letter])
    dark = Trace({(x, 1, 0): () for x in (0, 2, 4, 6)}, True, (), True, 40)
    windows = family_of(chosen).windows(chosen, dark)
    assert len(windows) == 4
    assert not any(window.met_by(()) for window in windows.values())


def test_a_window_is_met_by_one_finished_interval_only():
    window = Window((2, 3), fall_rt=9)
    assert window.met_by([Interval(3, 9)])
    for seen in ([], [Interval(3, None)], [Interval(2, 8)], [Interval(4, 9)], [Interval(3, 9)] * 2):
        assert not window.met_by(seen)
    assert Window((0, 5), lit_at_rt=5).met_by([Interval(1, 6)])
    assert not Window((0, 5), lit_at_rt=5).met_by([Interval(1, 5)])


@given(st.lists(lit_once, min_size=1, max_size=2 * GROUPED_FROM))
def test_every_lamp_is_in_one_row_that_says_what_it_did(times):
    trace = trace_of(*times)
    timeline = timeline_of(trace)
    assert sorted(pos for row in timeline.rows for pos in row.lamps) == sorted(trace.lamps)
    assert all(trace.lamps[pos] == row.seen for row in timeline.rows for pos in row.lamps)
    alike = len(set(times)) if len(times) >= GROUPED_FROM else len(times)
    assert len(timeline.rows) == alike
    rises = [row.seen[0].rise_rt for row in timeline.rows]
    assert rises == sorted(rises)
    assert timeline.end_rt > max(fall for _, fall in times)


def test_bars_stand_where_lamps_are_lit():
    """Read back from the picture: light at a moment exactly when the trace has it."""
    trace = press(line(WIRE, LAMP, "repeater[facing=north,delay=4]", LAMP), 33)
    timeline = timeline_of(trace)
    pixels = np.asarray(render_timeline(timeline))
    for number, row in enumerate(timeline.rows):
        for half in range(1, 2 * int(timeline.end_rt), 2):
            at_rt = half / 2 + 0.25  # off the grid's lines
            across, down = timeline.place(number, at_rt)
            lit = any(one.rise_rt <= at_rt < (one.fall_rt or 99) for one in row.seen)
            found = tuple(int(band) for band in pixels[int(down), int(across)])
            assert found == (LIT if lit else PANEL), (number, at_rt)


def test_hundreds_of_lamps_still_make_a_picture_of_bounded_size():
    many = trace_of(*((number, number + 3) for number in range(300)))
    timeline = timeline_of(many)
    assert len(timeline.rows) == 300
    assert len(timeline.shown) == 256
    assert render_timeline(timeline).height < 2600
