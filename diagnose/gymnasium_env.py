"""The environment behind Gymnasium's interface, for whoever trains or evaluates through it.

    gymnasium.make("diagnose.gymnasium_env:Diagnose/Redstone-v0", task="C-L3")

Actions are programs, observations what a subject reads; needs the extra ``gym``.
"""

import string
from typing import Any

import gymnasium
from gymnasium.envs.registration import register

from diagnose.environment import Environment
from diagnose.sandbox import MAX_CODE

ID = "Diagnose/Redstone-v0"
LONGEST_READ = 1_000_000  # characters; a turn shows some ten thousand, interventions may add


class AnyText(gymnasium.spaces.Text):
    """Any text up to a length. What is drawn from it is short and printable.

    Gymnasium's own space holds only what is written in a few characters; programs and what they
    print may have any.
    """

    def __init__(self, max_length: int) -> None:
        super().__init__(max_length, min_length=0, charset=string.printable)

    def contains(self, x: Any) -> bool:
        """Return whether ``x`` is a text of that length."""
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Return a random text of up to 80 characters, unless the mask gives a length."""
        if mask is None and probability is None:
            mask = (min(self.max_length, int(self.np_random.integers(81))), None)
        return super().sample(mask, probability)


class RedstoneEnv(gymnasium.Env[str, str]):
    """One task of the benchmark; takes what ``diagnose.environment.Environment`` takes.

    ``reset`` returns the task's text and, under ``instructions`` in its info, the world's rules; a
    seed begins its run 0, without one the next run follows. ``step`` takes a program.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  # as the base class declares it

    def __init__(self, task: str = "A-L1", render_mode: None = None, **given: Any) -> None:
        self.environment = Environment(task, **given)
        self.render_mode = render_mode
        self.action_space = AnyText(MAX_CODE)
        self.observation_space = AnyText(LONGEST_READ)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin an episode; the option ``run`` chooses which of the seed's runs."""
        super().reset(seed=seed)
        observation = self.environment.reset(seed, (options or {}).get("run"))
        return observation, {"instructions": self.environment.instructions}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Run one program."""
        step = self.environment.step(action)
        return step.observation, step.reward, step.terminated, step.truncated, dict(step.info)

    def close(self) -> None:
        """End the episode."""
        self.environment.close()


register(id=ID, entry_point=f"{__name__}:{RedstoneEnv.__name__}")
