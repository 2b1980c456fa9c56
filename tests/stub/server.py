"""A deterministic server that speaks the OpenAI protocol on loopback, and misbehaves when told to.

    .venv/bin/python -m tests.stub.server [latency_s] [fault=rate ...]

Whether a request meets a fault follows from its body and from how often that body has been seen, so
neither order nor concurrency changes it. ``serving`` runs the server in a thread of its own.
"""

import asyncio
import json
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from diagnose.seeds import uniform

# What passes when the request is made again ...
PASSING = (
    "rate_limit",  # 429 with retry-after
    "rate_limit_bare",  # 429 without
    "server_error",  # 500
    "unavailable",  # 503
    "reset",  # the connection, before an answer
    "slow",  # the body, a byte at a time
    "truncated",  # the body ends before its length; a stream ends without its finish
    "malformed",  # 200 and no JSON
    "no_finish",  # 200, empty, without a finish reason
    "empty_once",  # 200, empty, with a finish reason
)
# ... and what comes again, for it is the model's own or the configuration's.
LASTING = (
    "empty",
    "wrong_tool",  # a call of a tool that is none, with arguments that are no JSON
    "context_overflow",
    "refusal",  # finish_reason content_filter
    "refused_prompt",  # 400 content_policy_violation
)
SLOW_BYTE_S = 0.5
EMPTY: Mapping[str, Any] = {"role": "assistant", "content": ""}
_ERRORS: Mapping[str, tuple[int, str, str, str]] = {
    "rate_limit": (429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached"),
    "rate_limit_bare": (429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached"),
    "server_error": (500, "server_error", "internal", "The server had an error"),
    "unavailable": (503, "server_error", "overloaded", "The engine is currently overloaded"),
    "context_overflow": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens, your messages resulted in 9001.",
    ),
    "refused_prompt": (
        400,
        "invalid_request_error",
        "content_policy_violation",
        "Your request was rejected as a result of our safety system.",
    ),
}


@dataclass
class Stub:
    """What to answer, how to misbehave, and what was seen.

    Attributes:
        answer: request body -> ``{"content", "usage", ...}``; an entry ``tool_calls`` is passed on.
        faults: kind -> rate from 0 to 1.
        key: what a request must bear; any will do when None.
        models: names that exist; any will do when empty.
    """

    answer: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    latency_s: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    key: str | None = None
    models: frozenset[str] = frozenset()
    retry_after_s: float = 0.05
    requests: int = 0
    met: Counter[str] = field(default_factory=Counter)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    in_flight: list[tuple[float, int]] = field(default_factory=list)  # time, how many from then on
    url: str = ""
    _seen: Counter[str] = field(default_factory=Counter)
    _now: int = 0

    async def serve(self, port: int = 0) -> asyncio.Server:
        """Listen on loopback."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", port, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        return server

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while (request := await _request(reader)) is not None:
                self._count(1)
                try:
                    more = await self._answered(*request, writer)
                finally:
                    self._count(-1)
                if not more:
                    break
        writer.close()

    def _count(self, change: int) -> None:
        self._now += change
        self.in_flight.append((time.monotonic(), self._now))

    async def _answered(
        self, headers: Mapping[str, str], raw: bytes, writer: asyncio.StreamWriter
    ) -> bool:
        self.requests += 1
        self.headers.append(headers)
        body = json.loads(raw)
        fault = self._fault(raw.decode())
        await asyncio.sleep(self.latency_s)
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            given = headers.get("authorization", "").removeprefix("Bearer ")
            said = f"Incorrect API key provided: {given}. You can find your key at ..."
            return await _error(writer, (401, "invalid_request_error", "invalid_api_key", said))
        if self.models and body["model"] not in self.models:
            said = f"The model `{body['model']}` does not exist or you do not have access to it."
            return await _error(writer, (404, "invalid_request_error", "model_not_found", said))
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            return False
        if fault in _ERRORS:
            wait = f"{self.retry_after_s:g}" if fault == "rate_limit" else ""
            return await _error(writer, _ERRORS[fault], wait)
        return await self._reply(body, fault, writer)

    def _fault(self, body: str) -> str:
        attempt = self._seen[body]
        self._seen[body] += 1
        for kind, rate in self.faults.items():
            lasting = kind in LASTING
            if kind == "empty_once" and attempt:
                continue
            if uniform(self.seed, kind, body, 0 if lasting else attempt) < rate:
                self.met[kind] += 1
                return kind
        return ""

    async def _reply(self, body: Mapping[str, Any], fault: str, writer: Any) -> bool:
        said = dict(self.answer(body))
        usage = said.pop("usage", {"prompt_tokens": 0, "completion_tokens": 0})
        usage = {**usage, "total_tokens": usage["prompt_tokens"] + usage["completion_tokens"]}
        message: Mapping[str, Any] = {"role": "assistant", **said}
        finish: str | None = "tool_calls" if said.get("tool_calls") else "stop"
        if fault in {"empty", "empty_once", "no_finish", "refusal"}:
            message = EMPTY
            finish = {"no_finish": None, "refusal": "content_filter"}.get(fault, "stop")
        if fault == "wrong_tool":
            call = {"name": "launch", "arguments": '{"where": '}
            message = {
                **EMPTY,
                "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
            }
            finish = "tool_calls"
        if body.get("stream"):
            return await _streamed(writer, body, message, finish, usage, fault)
        choice = {"index": 0, "message": message, "finish_reason": finish}
        whole = _completion(body, "chat.completion", choices=[choice], usage=usage)
        text = b'{"id": "chatcmpl-stub", "choi' if fault == "malformed" else _bytes(whole)
        head = _head(200, "application/json", len(text))
        if fault == "truncated":
            writer.write(head + text[: len(text) // 2])
            await writer.drain()
            return False
        if fault == "slow":
            writer.write(head)
            for place in range(len(text)):
                writer.write(text[place : place + 1])
                await writer.drain()
                await asyncio.sleep(SLOW_BYTE_S)
            return True
        writer.write(head + text)
        await writer.drain()
        return True


async def _streamed(
    writer: asyncio.StreamWriter,
    body: Mapping[str, Any],
    message: Mapping[str, Any],
    finish: str | None,
    usage: Mapping[str, int],
    fault: str,
) -> bool:
    """Send server-sent events: the text in pieces, the finish, the usage."""
    content = str(message.get("content") or "")
    pieces = [content[at : at + 40] for at in range(0, len(content), 40)] or [""]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": piece} for piece in pieces]
    if message.get("tool_calls"):
        deltas[-1]["tool_calls"] = [
            {"index": number, **call} for number, call in enumerate(message["tool_calls"])
        ]
    if fault == "truncated":
        deltas, finish = deltas[: max(1, len(deltas) // 2)], None
    writer.write(_head(200, "text/event-stream", None))
    for delta in deltas:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        chunk = _bytes(_completion(body, "chat.completion.chunk", choices=[choice]))
        if fault == "malformed":
            chunk = chunk[: len(chunk) // 2]
        writer.write(b"data: " + chunk + b"\n\n")
        await writer.drain()
        if fault == "slow":
            await asyncio.sleep(SLOW_BYTE_S * 20)
    if fault == "truncated":
        return False
    if finish:
        last = {"index": 0, "delta": {}, "finish_reason": finish}
        ending = _completion(body, "chat.completion.chunk", choices=[last])
        writer.write(b"data: " + _bytes(ending) + b"\n\n")
    totals = _completion(body, "chat.completion.chunk", choices=[], usage=usage)
    writer.write(b"data: " + _bytes(totals) + b"\n\ndata: [DONE]\n\n")
    await writer.drain()
    return False


def _completion(body: Mapping[str, Any], kind: str, **more: object) -> dict[str, Any]:
    return {
        "id": "chatcmpl-stub",
        "object": kind,
        "created": 1,
        "model": f"{body['model']}-stub",
        **more,
    }


def _bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def _head(status: int, kind: str, length: int | None, wait: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}"]
    lines += ["Connection: close"] if length is None else [f"Content-Length: {length}"]
    lines += [f"Retry-After: {wait}"] if wait else []
    return "\r\n".join([*lines, "", ""]).encode()


async def _error(writer: Any, error: tuple[int, str, str, str], wait: str = "") -> bool:
    status, kind, code, said = error
    text = _bytes({"error": {"message": said, "type": kind, "param": None, "code": code}})
    writer.write(_head(status, "application/json", len(text), wait) + text)
    await writer.drain()
    return True


async def _request(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes] | None:
    """Return the next request's headers and body; None when the client has left."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = [line.partition(":") for line in head.decode().split("\r\n")[1:] if line]
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    return headers, await reader.readexactly(int(headers.get("content-length", "0")))


@contextmanager
def serving(stub: Stub, port: int = 0) -> Iterator[Stub]:
    """Serve in a thread until the block ends."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(stub.serve(port))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def close() -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)

    try:
        yield stub
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def echo(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer with the last message: a model that anyone can predict."""
    said = str(body["messages"][-1].get("content"))
    return {
        "content": f"You said: {said}",
        "usage": {"prompt_tokens": len(said), "completion_tokens": 7},
    }


def main() -> None:
    """Serve the echo in the foreground."""
    latency_s = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    faults = {kind: float(rate) for kind, _, rate in (a.partition("=") for a in sys.argv[2:])}

    async def forever() -> None:
        stub = Stub(echo, latency_s, faults)
        server = await stub.serve()
        print(stub.url, flush=True)
        await server.serve_forever()

    asyncio.run(forever())


if __name__ == "__main__":
    main()
