"""The Gymnasium wrapper keeps that interface's contract and adds nothing of its own."""

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

from diagnose.environment import Environment
from diagnose.gymnasium_env import ID, AnyText

NAME = f"diagnose.gymnasium_env:{ID}"
PROGRAMS = (
    "print(look(1))",
    "import random\nprint(random.random(), '\u2192')",
    "verify()",
    "1 / 0",
    "done()",
)


def test_gymnasium_s_own_check_finds_nothing():
    env = gymnasium.make(NAME, task="C-L3").unwrapped
    check_env(env)  # what it warns of is an error here
    env.close()


@pytest.mark.parametrize("variant", ["vanilla", "renamed"])
def test_it_passes_on_what_the_environment_says(variant):
    given = {"trials": 3, "variant": variant}
    wrapped = gymnasium.make(NAME, task="B-L2", **given)
    with Environment("B-L2", **given) as bare:
        for where in ({"seed": 5}, {}, {"options": {"run": 7}}):
            run = where.get("options", {}).get("run")
            text, info = wrapped.reset(**where)
            assert text == bare.reset(where.get("seed"), run)
            assert info == {"instructions": bare.instructions}
            for program in PROGRAMS:
                observation, reward, terminated, truncated, info = wrapped.step(program)
                step = bare.step(program)
                assert (observation, reward) == (step.observation, step.reward)
                assert (terminated, truncated) == (step.terminated, step.truncated)
                assert info == step.info
            assert terminated
    wrapped.close()


def test_several_run_side_by_side():
    envs = gymnasium.make_vec(
        NAME,
        num_envs=2,
        vectorization_mode="async",
        vector_kwargs={"shared_memory": False},
        task="A-L1",
    )
    texts, _ = envs.reset(seed=1)
    assert texts[0] == texts[1]
    told, *_ = envs.step(("print('one')", "print('two')"))
    assert ["one" in told[0], "two" in told[1]] == [True, True]
    envs.close()


def test_a_space_holds_any_text_up_to_its_length():
    space = AnyText(90)
    space.seed(0)
    assert all(space.contains(space.sample()) for _ in range(50))
    assert space.contains("")
    assert space.contains("\u2192" * 90)
    assert not space.contains("x" * 91)
    assert not space.contains(b"x")
