"""A subject that answers from weights on this machine: a model, with or without an adapter.

An episode's worker builds a request and waits; the weights are the gateway's, one process per
running study, as a provider's client is (``diagnose.models.litellm``). Answers are written side by
side and each is what it would be alone, so workers and their order change nothing. ``torch`` is
imported in that process alone.
"""

import copy
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from diagnose.errors import ConfigError
from diagnose.models import Call, CallUsage, Caps, Message, Reply
from diagnose.models.litellm import call_seed
from diagnose.models.litellm import client as gateways
from diagnose.models.local.settings import OPERATIONAL, Settings
from diagnose.templates import template_sha256
from diagnose.weights import check_base, weights_sha256

__all__ = ["Local", "Settings"]

SERVICE = "diagnose.models.local.service"


class Local:
    """A ``Model`` that is ``Served`` and ``Treatable``; see ``Settings`` for what can be set."""

    operational: ClassVar[frozenset[str]] = OPERATIONAL
    # Modules whose code is identity: what an answer is made by.
    asking: ClassVar[tuple[str, ...]] = (
        *(
            f"diagnose.models.local.{name}"
            for name in ("settings", "engine", "memory", "sampling", "loading", "service")
        ),
        "diagnose.templates",
    )

    def __init__(self, **settings: Any) -> None:
        """Check the settings and hash the weights; nothing is loaded.

        Raises:
            ConfigError: a value is wrong, nothing is called so, or there are no weights to read.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        if not isinstance(given.get("stop", ""), str):
            given["stop"] = tuple(given["stop"])  # Hydra's list is none
        try:
            self.settings = Settings(**{"model": "", **given})
        except TypeError as error:
            raise ConfigError("subject", sorted(settings), str(error)) from error
        self._base = weights_sha256("subject.model", self.settings.model)
        self._folder = self.settings.adapter
        self._own = weights_sha256("subject.adapter", self._folder) if self._folder else ""
        if self._folder:
            check_base("subject.adapter", self._folder, self.settings.model)
        self._treatment = ""
        self._template = template_sha256("subject.template", self.settings.template)
        self._shared = _Shared(self.settings)

    @cached_property
    def identity(self) -> dict[str, str]:
        """What the subject is besides its settings: its weights, by their content.

        And the template of its messages, where that is not the model's own.
        """
        told = {"weights_sha256": self._base, "adapter_sha256": self._own}
        return told | ({"template_sha256": self._template} if self._template else {})

    @property
    def name(self) -> str:
        """See ``Model.name``."""
        return self.settings.name or f"local-{(self._own or self._base)[:8]}"

    @property
    def concurrency(self) -> int:
        """See ``Served.concurrency``."""
        return self.settings.concurrency

    def treated(self, folder: str) -> "Local":
        """See ``Treatable.treated``."""
        field = "interventions.weights.treatments"
        check_base(field, folder, self.settings.model)
        other = copy.copy(self)
        other._folder = folder
        other._treatment = weights_sha256(field, folder)
        return other

    @contextmanager
    def serving(self, folder: Path, caps: Caps, say: Callable[[str], None]) -> Iterator[None]:
        """See ``Served.serving``."""
        plain, limits = asdict(self.settings), asdict(caps)
        with gateways.gateway(plain, folder, limits, say, SERVICE) as place:
            self._shared.place = place
            try:
                yield
            finally:
                self._shared.place = None

    def request(self, messages: Sequence[Message], call: Call) -> dict[str, Any]:
        """Return what is asked, and where: a function of its arguments and the weights."""
        if call.tools:
            remedy = "weights answer in text: take scaffold.protocol=text"
            raise ConfigError("scaffold.protocol", "tools", remedy)
        asked = ("local", self._base, self._treatment or self._own, self._template)
        return {
            "episode_id": call.episode_id,
            "agent": call.agent,
            "number": call.number,
            "model": "+".join(filter(None, asked)),
            "messages": [{"role": one.role, "content": one.content} for one in messages],
            "tools": [],
            "sampling": self.settings.sampling(call_seed(call)),
            "weights": self._folder,  # where they lie: the hash above says what they are
        }

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """See ``Model.reply``."""
        answer = self._shared.ask(self.request(messages, call))
        usage = CallUsage(answer["input_tokens"], answer["output_tokens"], answer["cost_usd"])
        return Reply(answer["text"], usage, finish=answer["finish"])


class _Shared:
    """Where requests go: one gateway for a subject and its treated selves."""

    def __init__(self, settings: Settings) -> None:
        self.place: Path | None = None
        self._settings = settings
        self._own: gateways.Local | None = None
        self._loading = threading.Lock()

    def ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.place is not None:
            return gateways.ask(self.place, request)
        with self._loading:
            if self._own is None or self._own.pid != os.getpid():
                self._own = gateways.Local(asdict(self._settings), SERVICE)
        return self._own.ask(request)
