"""What the harness itself costs: an episode's CPU time without simulator, sandbox and model.

    .venv/bin/python benchmarks/harness.py [episodes]

A scripted model plays one turn and twenty; records are written as a study writes them. A first run
is not counted. The share of the simulator and the sandbox is taken off by profile: time inside
``press`` and in the interpreter's own calls, and opening and closing its session. Inspect AI's mock
model (8.6 to 10 ms and 70 ms a sample were measured for it) runs beside it where ``inspect_ai`` is
installed.
"""

import cProfile
import pstats
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from diagnose.cli.configure import configured
from diagnose.episode import run_episode
from diagnose.models.scripted import Scripted
from diagnose.store import Store

TURN = """```python
for x in range(4):
    place(x, 1, 0, 'redstone_lamp')
place(8, 1, 0, 'stone_button[face=floor]')
print(press())
```"""
LAST = "```python\ndone()\n```"
# Where the engine's and the interpreter's own time is spent, by file and function.
OUTSIDE = (
    ("env/engine.py", "press"),
    ("sandbox/pool.py", "loaded"),
    ("sandbox/interpreter.py", "_open"),
    ("sandbox/interpreter.py", "_drop"),
)


def measured(turns: int, episodes: int) -> tuple[float, float]:
    """Return CPU milliseconds per episode: in all, and without simulator and sandbox."""
    study = configured(["study.tasks=[A-L1]", f"study.runs={episodes}", "design=one_at_a_time"])
    model = Scripted("scripted/harness", [*[TURN] * (turns - 1), LAST])
    plans = [plan for plan in study.plans if plan.cell == "0000"]
    episodes_made = [replace(study.episode(plan), model=model) for plan in plans]
    run_episode(episodes_made[0])
    profile = cProfile.Profile(time.process_time)
    with tempfile.TemporaryDirectory() as place, Store(Path(place), study.header) as store:
        began_s = time.process_time()
        for episode in episodes_made:
            store.append_record(run_episode(episode))
        whole_ms = 1e3 * (time.process_time() - began_s) / episodes
    with tempfile.TemporaryDirectory() as place, Store(Path(place), study.header) as store:
        profile.enable()
        for episode in episodes_made:
            store.append_record(run_episode(episode))
        profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # its one useful table
    total = sum(entry[2] for entry in stats.values())
    outside = 0.0
    for (file, _, name), entry in stats.items():
        if any(file.endswith(path) and name == known for path, known in OUTSIDE):
            outside += entry[3]
        elif "pydantic_monty" in file or name.startswith(("<method 'feed", "<method 'resume")):
            outside += entry[2]
    return whole_ms, whole_ms * (1 - outside / total)


def inspect_ms(turns: int, episodes: int) -> float:
    """Return CPU milliseconds per sample of Inspect AI with its mock model and log."""
    import inspect_ai
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ChatMessageUser
    from inspect_ai.solver import generate, solver

    @solver
    def talk() -> Any:
        async def solve(state: Any, ask: Any) -> Any:
            for _ in range(turns - 1):
                state = await ask(state)
                state.messages.append(ChatMessageUser(content="go on"))
            return await ask(state)

        return solve

    samples = [Sample(input=f"say {number}") for number in range(episodes)]
    with tempfile.TemporaryDirectory() as place:
        given = {"model": "mockllm/model", "log_dir": place, "display": "none"}
        chosen = generate() if turns == 1 else talk()
        inspect_ai.eval(inspect_ai.Task(dataset=samples[:1], solver=chosen), **given)
        began_s = time.process_time()
        inspect_ai.eval(inspect_ai.Task(dataset=samples, solver=chosen), **given)
        return 1e3 * (time.process_time() - began_s) / episodes


def main() -> None:
    """Print the table."""
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for turns, goal_ms in ((1, 3), (20, 30)):
        whole_ms, own_ms = measured(turns, episodes)
        print(
            f"{turns:2} turns: {own_ms:.2f} ms of CPU an episode (goal: under {goal_ms} ms), ",
            end="",
        )
        print(f"{whole_ms:.2f} ms with simulator and sandbox; {episodes} episodes, log on")
        try:
            print(
                f"          Inspect AI, mock model: {inspect_ms(turns, episodes):.1f} ms a sample"
            )
        except ImportError:
            print("          Inspect AI is not installed")


if __name__ == "__main__":
    main()
