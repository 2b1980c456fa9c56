"""Language models through litellm: any provider it knows, any server that speaks its protocols.

An episode's worker builds a request and waits; litellm, the keys, retries, limits, caps and the log
of exchanges are the gateway's, one process per running study. ``litellm`` is imported there alone.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from diagnose.errors import ConfigError
from diagnose.models import Call, CallUsage, Caps, Message, Reply, ToolCall
from diagnose.models.litellm.client import Local, ask, gateway
from diagnose.models.litellm.settings import OPERATIONAL, Price, Settings
from diagnose.seeds import seed_of

__all__ = ["LiteLLM", "Settings", "call_seed"]

SEEDS = 2**31  # providers take a signed 32-bit seed at least


def call_seed(call: Call) -> int:
    """Return the seed a call carries: the same in every cell, another in every run and call."""
    return seed_of(*call.seed_path, "sampling", call.agent, call.number) % SEEDS


class LiteLLM:
    """A ``Model`` that is ``Served``; see ``Settings`` for what can be set."""

    operational: ClassVar[frozenset[str]] = OPERATIONAL
    asking: ClassVar[tuple[str, ...]] = ("diagnose.models.litellm.settings",)  # modules: identity

    def __init__(self, **settings: Any) -> None:
        """Check the settings; nothing is loaded and nobody is called.

        Raises:
            ConfigError: a value is wrong, or nothing is called so.
        """
        if "api_key" in settings:
            raise ConfigError(
                "subject.api_key",
                "(not shown)",
                "a configuration is kept in records; export the key and name its variable in "
                "subject.api_key_env",
            )
        given = {name: _plain(value) for name, value in settings.items() if value is not None}
        try:
            if price := given.get("price"):
                given["price"] = Price(**price)
            self.settings = Settings(**{"model": "", **given})
        except TypeError as error:
            raise ConfigError("subject", sorted(settings), str(error)) from error
        self._place: Path | None = None
        self._local: Local | None = None
        self._loading = threading.Lock()

    @property
    def name(self) -> str:
        """See ``Model.name``."""
        return self.settings.model

    @property
    def concurrency(self) -> int:
        """See ``Served.concurrency``."""
        return self.settings.concurrency

    def listed_price(self) -> tuple[float, float] | None:
        """Return dollars per million input and output tokens in litellm's list; needs no key."""
        from diagnose.models.litellm.provider import listed_price

        return listed_price(self.settings.model)

    @contextmanager
    def serving(self, folder: Path, caps: Caps, say: Callable[[str], None]) -> Iterator[None]:
        """See ``Served.serving``."""
        with gateway(asdict(self.settings), folder, asdict(caps), say) as place:
            self._place = place
            try:
                yield
            finally:
                self._place = None

    def request(self, messages: Sequence[Message], call: Call) -> dict[str, Any]:
        """Return what is asked, and where: a function of its arguments and the settings."""
        return {
            "episode_id": call.episode_id,
            "agent": call.agent,
            "number": call.number,
            "model": self.settings.model,
            "messages": [message.to_json() for message in messages],
            "tools": [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                }
                for tool in call.tools
            ],
            "sampling": self.settings.sampling(call_seed(call)),
        }

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """See ``Model.reply``."""
        request = self.request(messages, call)
        if self._place is not None:
            return _reply(ask(self._place, request))
        return _reply(self._own().ask(request))

    def _own(self) -> Local:
        """Return this process's own service; a forked child's parent's is of no use to it."""
        with self._loading:
            if self._local is None or self._local.pid != os.getpid():
                self._local = Local(asdict(self.settings))
            return self._local


def _plain(value: Any) -> Any:
    """Return what Hydra hands over as plain data."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    return [_plain(inner) for inner in value] if listed else value


def _reply(answer: Mapping[str, Any]) -> Reply:
    usage = CallUsage(answer["input_tokens"], answer["output_tokens"], answer["cost_usd"])
    return Reply(
        answer["text"],
        usage,
        tool_calls=tuple(ToolCall(**call) for call in answer["tool_calls"]),
        dropped=tuple(answer["dropped"]),
        finish=answer["finish"],
    )
