"""How a subject is led: the protocol, the prompt, and what of the conversation it sees again."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from diagnose.errors import ConfigError

Protocol = Literal["text", "tools", "mcp"]
Prompt = Literal["standard", "small", "compact"]


@dataclass(frozen=True)
class Scaffold:
    """The scaffold of a study's subject; see conf/study.yaml.

    Raises:
        ConfigError: a value is none of the choices.
    """

    protocol: Protocol = "text"  # how programs are handed over: fenced blocks, or tool calls;
    # mcp: every host function is a tool too, for outside agents and their replay
    prompt: Prompt = "standard"  # small: more led, with a worked example; compact: few words,
    # for a model whose context is short and which has been trained on the world
    keep_turns: int = 0  # last turns that are shown whole, older ones in one line each; 0 = all
    fresh_context_after_failure: bool = False  # a failed verdict begins a new conversation

    def __post_init__(self) -> None:
        """Check the values."""
        for name, choices in (("protocol", get_args(Protocol)), ("prompt", get_args(Prompt))):
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(f"scaffold.{name}", value, f"choose one of {', '.join(choices)}")
        if type(self.keep_turns) is not int or self.keep_turns < 0:
            raise ConfigError("scaffold.keep_turns", self.keep_turns, "give 0 (all) or more")
        if type(self.fresh_context_after_failure) is not bool:
            raise ConfigError(
                "scaffold.fresh_context_after_failure",
                self.fresh_context_after_failure,
                "give true or false",
            )
        if self.prompt == "compact" and self.protocol == "tools":
            raise ConfigError(
                "scaffold.prompt", self.prompt, "it asks for fenced programs: give protocol=text"
            )
        led = self.prompt != "standard" or self.keep_turns or self.fresh_context_after_failure
        if self.protocol == "mcp" and led:
            raise ConfigError(
                "scaffold", self.changes, "an outside agent leads itself: give protocol=mcp alone"
            )

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from the default scaffold, and so belongs to an episode's identity."""
        plain = asdict(Scaffold())
        return {name: value for name, value in asdict(self).items() if value != plain[name]}


STANDARD = Scaffold()
