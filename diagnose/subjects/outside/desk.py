"""Where an outside agent's calls, from any thread, meet the episode, which has its own."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from diagnose.errors import InfrastructureError, SubjectError
from diagnose.models import Call, Message, Reply, Tool, ToolCall
from diagnose.records import StopReason
from diagnose.sandbox import MAX_CODE
from diagnose.subjects.stage import Stage

ENDED: Mapping[StopReason, str] = {
    "verified": "your verdict passed.",
    "stopped": "you stopped. The device standing is judged.",
    "trials": "all trials are used. The device standing is judged.",
    "turns": "all messages are used. The device standing is judged.",
    "tokens": "all tokens are used. The device standing is judged.",
    "seconds": "the time is up. The device standing is judged.",
    "not_observed": "it cannot go on, through no doing of yours.",
}
HIDDEN = "***"
MOST_ARGUMENTS = 2 * MAX_CODE  # characters of a call's arguments, which the transcript keeps


@dataclass(frozen=True)
class Answer:
    """What a call is answered."""

    text: str
    refused: bool = False  # it was not carried out


class Desk:
    """One episode's desk: to the loop a model, to the agent a set of tools.

    Attributes:
        rules: the world and its functions: a language model's system prompt.
        task: what is to be built, and what interventions say at the start.
        tools: what may be called.
        client: who called last, as it names itself; empty while nobody has.
        version: of that.
        calls: carried out so far.
    """

    def __init__(
        self, name: str, stage: Stage, seconds: float, secrets: Sequence[str] = ()
    ) -> None:
        """Open a desk.

        Args:
            name: of the subject.
            stage: what the agent acts on.
            seconds: how long it may take for all calls together; 0 for no limit.
            secrets: texts that are struck out of every call, such as the keys it was given.
        """
        self._name = name
        self.rules, self.task = (message.content for message in stage.opening)
        self.tools: tuple[Tool, ...] = stage.tools
        self.client = ""
        self.version = ""
        self.calls = 0
        self._stage = stage
        self._deadline = time.monotonic() + seconds if seconds else None
        self._secrets = tuple(secrets)
        self._asked: SimpleQueue[tuple[Future[Answer], ToolCall] | None] = SimpleQueue()
        self._answering: Future[Answer] | None = None
        self._lock = threading.Lock()
        self._closed: Answer | None = None
        self._fault = ""

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, for the reason for which the episode is over."""
        late = self._left_s() == 0
        over = self._stage.over() or ("seconds" if late else "stopped")
        self.close("not_observed" if kind else over)

    @property
    def name(self) -> str:
        """See ``Model.name``."""
        return self._name

    def ask(self, name: str, arguments: Mapping[str, Any]) -> "Future[Answer]":
        """Ask for a call, from any thread; one that is cancelled before its turn is not made."""
        future: Future[Answer] = Future()
        if name not in {tool.name for tool in self.tools}:
            known = ", ".join(tool.name for tool in self.tools)
            future.set_result(Answer(f"There is no such tool; choose from {known}.", refused=True))
            return future
        call = ToolCall("", name, self._hidden(json.dumps(arguments)))
        if len(call.arguments) > MOST_ARGUMENTS:
            said = f"The arguments are longer than {MOST_ARGUMENTS} characters; send less at once."
            future.set_result(Answer(said, refused=True))
            return future
        with self._lock:
            if self._closed:
                future.set_result(self._closed)
            else:
                self._asked.put((future, call))
        return future

    def leave(self) -> None:
        """Say that no further call will come; safe in a signal handler."""
        self._asked.put(None)

    def fail(self, error: BaseException) -> None:
        """Say that calls cannot be taken any more, through no doing of the agent."""
        self._fault = f"{type(error).__name__}: {error}"
        self._asked.put(None)

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """Answer the last call with what the loop observed, and return the next one.

        Raises:
            SubjectError: no further call comes.
            InfrastructureError: the server failed.
        """
        self._answer(messages)
        while True:
            try:
                asked = self._asked.get(timeout=self._left_s())
            except Empty:
                raise SubjectError("the time is up") from None
            if self._fault:
                raise InfrastructureError("mcp_failed", self._fault)
            if asked is None:
                raise SubjectError("the agent left")
            future, made = asked
            if future.set_running_or_notify_cancel():
                break
        self._answering = future
        self.calls += 1
        return Reply("", tool_calls=(ToolCall(f"call_{call.number}", made.name, made.arguments),))

    def close(self, why: StopReason) -> None:
        """Take no further call; whoever still waits is told that the work has ended."""
        said = f"The work has ended: {ENDED[why]}"
        with self._lock:
            self._closed = Answer(f"{said} No further call is taken.", refused=True)
        last, self._answering = self._answering, None
        if last:
            last.set_result(Answer(said, refused=why not in {"verified", "stopped"}))
        while True:
            try:
                asked = self._asked.get_nowait()
            except Empty:
                return
            if asked and asked[0].set_running_or_notify_cancel():
                asked[0].set_result(self._closed)

    def _answer(self, messages: Sequence[Message]) -> None:
        """Answer the call under way with all that follows it in the transcript."""
        last, self._answering = self._answering, None
        if last is None:
            return
        said: list[str] = []
        for message in reversed(messages):
            if message.role == "assistant":
                break
            said.insert(0, message.content)
        last.set_result(Answer("\n".join(said), refused=len(said) > 1))

    def _left_s(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _hidden(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text
