"""A study of real episodes, some of which kill their worker in the middle of a press: FOLDER."""

import faulthandler
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nucleation

from diagnose.design import EpisodePlan
from diagnose.env.trace import Trace
from diagnose.episode import run_episode, unobserved_record
from diagnose.policy import RunPolicy
from diagnose.progress import Progress
from diagnose.records import EpisodeRecord
from diagnose.seeds import uniform
from diagnose.store import Store
from diagnose.study import run_study
from diagnose.subjects import host
from tests.agent.beside import BUILD, Saying, code, episode
from tests.study import fake

FAR = 2_000_000_000
SHARE = 0.05
RETRIES = 2
PLANS = fake.plans(tasks=3, runs=8)  # 144 episodes


def far() -> None:
    """Give the engine what aborts it; no check of ours stands before this."""
    nucleation.Schematic.create("x").fill_cuboid(0, 0, 0, FAR, 0, FAR, "minecraft:stone")


def segfault() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


WAYS: Mapping[str, Any] = {"SIGABRT": far, "SIGKILL": killed, "SIGSEGV": segfault}


def poison(plan: EpisodePlan) -> str:
    """How the plan's episode ends its worker; nothing for most."""
    draw = uniform("poison", plan.task, plan.run, plan.cell)
    return list(WAYS)[int(draw / SHARE * len(WAYS))] if draw < SHARE else ""


def episode_of(plan: EpisodePlan) -> Any:
    """Two presses, and a verdict that passes in half of them."""
    lamp = BUILD if plan.run % 2 else BUILD.replace("5, 1, 4", "7, 1, 4")
    return episode(
        code(lamp, "press()"),
        code("press()", "verify()"),
        episode_id=fake.identify(plan),
        run=plan.run,
        factors=fake.NAMES,
        doses=tuple(map(int, plan.cell)),
        interventions={name: Saying() for name in fake.NAMES},
    )


def of_plan(record: EpisodeRecord, plan: EpisodePlan) -> EpisodeRecord:
    """The record under the plan's task, for all episodes here are of one."""
    return replace(record, task=plan.task)


def execute(plan: EpisodePlan) -> EpisodeRecord:
    way = poison(plan)
    presses = 0

    def press(*args: Any, **kwargs: Any) -> Trace:
        nonlocal presses
        presses += 1
        if way and presses == 2:
            WAYS[way]()
        return honest(*args, **kwargs)

    host.press_button = press
    try:
        return of_plan(run_episode(episode_of(plan)), plan)
    finally:
        host.press_button = honest


honest = host.press_button


def unobserved(plan: EpisodePlan, cause: str, detail: str) -> EpisodeRecord:
    return of_plan(unobserved_record(episode_of(plan), cause, detail), plan)


def main() -> None:
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    policy = RunPolicy(workers=2, retries=RETRIES)
    with Store(Path(sys.argv[1]), fake.header(PLANS)) as store:
        end = run_study(
            PLANS,
            execute,
            store,
            identify=fake.identify,
            unobserved=unobserved,
            policy=policy,
            progress=Progress(sys.stderr),
        )
    print(json.dumps({"recorded": end.recorded, "not_observed": end.not_observed}))


if __name__ == "__main__":
    main()
