"""The environment shows and judges what the agent loop does; its outcomes follow its budgets."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.env.experiments import true_laws
from diagnose.env.variant import variant as variant_of
from diagnose.environment import Environment
from diagnose.episode import Episode, run_episode
from diagnose.errors import ConfigError, InputError
from diagnose.intervention import SHAM
from diagnose.models.reference import Profile, Reference
from diagnose.models.scripted import Scripted
from diagnose.records import EpisodeRecord
from diagnose.sandbox import Limits
from diagnose.subjects.budgets import Budgets
from diagnose.tasks import Task, build_device, family_of, task
from interventions.experiment_oracles import ExperimentOracles
from interventions.gap_hints import GapHints
from interventions.knowledge_notes import KnowledgeNotes
from interventions.solution_sketches import SolutionSketches
from tests.agent.beside import code, said

INTERVENTIONS = {
    "gap_hints": GapHints(),
    "experiment_oracles": ExperimentOracles(),
    "knowledge_notes": KnowledgeNotes(),
    "solution_sketches": SolutionSketches(),
}
SEED = 11
ENDS = {"verified": "terminated", "stopped": "terminated", "trials": "truncated",
        "turns": "truncated"}  # fmt: skip
DEVICE = f"build({build_device(task('A-L1'), true_laws()).to_json()['blocks']})"
LINES = st.sampled_from(
    [DEVICE, "press()", "print(press())", "verify()", "clear()", "print(look(1))", "x = [1]",
     "print(x)", "import random\nprint(random.random())", "fill(0, 1, 0, 3, 2, 3, 'glass')",
     "remove(0, 1, 0)", "place(1, 1, 1, 'lamp')", "1 / 0", "done()", "print('\u2192 \U0001f600')"]
)  # fmt: skip
REPLIES = st.lists(
    st.builds(code, LINES, LINES, LINES) | st.just("no code") | st.just("a\ud800b"), max_size=6
)


def recorded(model, task_id="A-L1", run=0, doses=(0, 0, 0, 0), variant="vanilla", **fields):
    """The record of an episode as a study makes it, read back from its line."""
    one = task(task_id)
    record = run_episode(
        Episode(
            episode_id="e",
            study="test",
            study_seed=SEED,
            factors=tuple(INTERVENTIONS),
            doses=doses,
            task=one,
            family=family_of(one),
            run=run,
            model=model,
            interventions=INTERVENTIONS,
            variant=variant_of(variant, SEED),
            **fields,
        )
    )
    return EpisodeRecord.from_dict(json.loads(record.to_line()))


def replay_agrees(record, trials=50, turns=60):
    """Assert that the record's replies meet with the same texts, end and verdict."""
    on = {
        name: (INTERVENTIONS[name], record.interventions[name].dose)
        for name in record.factors
        if record.interventions[name].dose
    }
    replies = [m["content"] for m in record.transcript if m["role"] == "assistant"]
    with Environment(
        record.task,
        trials=trials,
        turns=turns,
        seed=record.study_seed,
        variant=record.variant,
        interventions=on,
    ) as env:
        seen = [env.reset(run=record.run)]
        assert env.instructions == record.transcript[0]["content"]
        step = None
        for reply in replies:
            assert step is None or not (step.terminated or step.truncated)
            step = env.answer(reply)
            seen.append(step.observation)
        assert [text for text in seen if text] == said(record)
        assert step is not None
        assert (step.terminated, step.truncated) == (
            ENDS[record.stop_reason] == "terminated",
            ENDS[record.stop_reason] == "truncated",
        )
        assert step.reward == float(record.success)
        assert step.info["stop_reason"] == record.stop_reason
        assert step.info["verdict"] == record.verdict
        assert (step.info["turns"], step.info["trials"]) == (
            record.usage.turns,
            record.usage.trials,
        )
        assert env.verdict().passed == record.success
        assert (env.circuit.sha256 if env.circuit else "") == record.circuit_sha256


@settings(max_examples=60)
@given(REPLIES, st.integers(0, 3), st.integers(1, 5), st.integers(0, 2))
def test_any_recorded_episode_replays_the_same(replies, trials, turns, run):
    budgets = Budgets(trials=trials, turns=turns)
    record = recorded(Scripted("scripted/test", replies), run=run, budgets=budgets)
    replay_agrees(record, trials, turns)


@pytest.mark.parametrize("variant", ["vanilla", "renamed", "permuted"])
@pytest.mark.parametrize("doses", [(0, 0, 0, 0), (1, 1, 1, 1), (0, SHAM, 1, 0), (3, 1, 0, 1)])
@pytest.mark.parametrize("task_id", ["A-L2", "B-L3", "E-L1"])
def test_a_study_s_episodes_replay_the_same(task_id, doses, variant):
    model = Reference(Profile(0.8, 0.9, 0.9, 0.8, slip=0.1))
    for run in range(2):
        replay_agrees(recorded(model, task_id, run, doses, variant))


def test_the_full_knowledge_device_is_rewarded_once():
    laws = true_laws()
    blocks = build_device(task("C-L3"), laws).to_json()["blocks"]
    with Environment("C-L3") as env:
        assert "16 redstone lamps" in env.reset()
        first = env.step(f"build({blocks})\nprint(press()['dark'])")
        assert "Printed:\n[]" in first.observation
        assert (first.reward, first.terminated, first.truncated) == (0.0, False, False)
        assert first.info == {"turns": 1, "trials": 1, "trials_left": 49, "blocks": len(blocks)}
        assert env.verdict().passed
        last = env.step("verify()")
        assert (last.reward, last.terminated, last.observation) == (1.0, True, "")
        assert len(last.info["verdict"]["lamps"]) == 16
        assert env.circuit == build_device(task("C-L3"), laws)
        with pytest.raises(InputError, match="call reset"):
            env.step("1")
        env.reset()
        assert env.circuit is None
        assert env.verdict().reasons == ("no stone button stands",)


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        (["verify()", "verify()", "verify()"], "trials"),
        (["1"] * 4, "turns"),
        (["", " \n", ""], "stopped"),
        (["", "1", "done()"], "stopped"),
        ([f"{DEVICE}", "done()"], "stopped"),
        ([f"{DEVICE}", "verify()"], "verified"),
    ],
)
def test_each_end_is_told_and_the_standing_device_judged_once(steps, end):
    with Environment("A-L1", trials=2, turns=4) as env:
        env.reset()
        for number, program in enumerate(steps):
            step = env.step(program)
            over = number == len(steps) - 1
            assert (step.terminated or step.truncated) == over
        assert step.info["stop_reason"] == end
        assert getattr(step, ENDS[end])
        assert step.reward == float(steps[0] == DEVICE)


def test_runs_count_on_and_a_seed_begins_anew():
    draw = "import random\nprint(random.random())"

    def drawn(env, **where):
        env.reset(**where)
        return env.step(draw).observation

    with Environment("A-L1", seed=3) as env:
        runs = [drawn(env) for _ in range(3)]
        assert len(set(runs)) == 3
        assert drawn(env, run=1) == runs[1]
        assert drawn(env) == runs[2]
        assert [drawn(env, seed=3), drawn(env)] == runs[:2]
        other = drawn(env, seed=4)
        assert other not in runs
    with Environment("A-L1", seed=4) as env:
        assert drawn(env) == other


def test_a_task_of_ones_own_and_limits_of_ones_own():
    one = Task("A", 0, 6, 33, {"skew_rt": 2})
    with Environment(one, limits=Limits(host_calls=3)) as env:
        assert "6 redstone lamps" in env.reset()
        assert "call 3 host functions" in env.instructions
        assert "more than 3 calls" in env.step("for i in range(9): look(1)").observation


@pytest.mark.parametrize(
    "given", [{"task": "Z-L1"}, {"variant": "french"}, {"seed": -1}, {"seed": True},
              {"trials": -1}, {"turns": 0}]
)  # fmt: skip
def test_wrong_settings_are_named(given):
    with pytest.raises(InputError):
        Environment(**{"task": "A-L1", **given})


def test_wrong_calls_are_named():
    env = Environment("A-L1", interventions={"a": (GapHints(), 7)})
    for act in (lambda: env.step("1"), lambda: env.circuit, env.verdict):
        with pytest.raises(InputError, match="call reset"):
            act()
    with pytest.raises(ConfigError):
        env.reset()
    with Environment("A-L1") as env:
        for where in ({"seed": -1}, {"run": 0.5}, {"seed": "7"}):
            with pytest.raises(InputError):
                env.reset(**where)
        env.reset()
        for wrong in (None, b"1", 3):
            with pytest.raises(InputError):
                env.step(wrong)
            with pytest.raises(InputError):
                env.answer(wrong)
        assert env.step("1").info["turns"] == 1


def test_importing_it_loads_nothing_heavy():
    heavy = {"hydra", "omegaconf", "litellm", "matplotlib", "pandas", "torch", "gymnasium", "scipy"}
    told = subprocess.run(
        [sys.executable, "-c", "import diagnose.environment, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert not heavy & {name.partition(".")[0] for name in told.split()}
