"""Weights behind an OpenAI-compatible endpoint: chat completions and models, no more.

One thread a request and one for the arithmetic; answers are those of ``subject=local``: by the same
seed the same, beside any others.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from diagnose.errors import ConfigError
from diagnose.models.local.engine import Engine, Job
from diagnose.models.local.sampling import Sampler
from diagnose.models.local.settings import Settings

MOST_BYTES = 4_000_000  # of a request
ROLES = ("system", "user", "assistant")
MOST_SEED = 2**63


class BadRequestError(Exception):
    """What a client asked wrongly: told to it with its status."""

    def __init__(self, status: int, told: str, code: str = "invalid_request_error") -> None:
        self.status, self.told, self.code = status, told, code
        super().__init__(told)


class Endpoint:
    """What the server answers, apart from HTTP."""

    def __init__(self, settings: Settings, names: Mapping[str, str]) -> None:
        """Load the model and every adapter.

        Args:
            settings: of the model; a request's own take precedence.
            names: by the name that a request asks for, the folder of its weights; empty = none.

        Raises:
            ConfigError: the model cannot be read, or weights do not fit it.
        """
        self._settings, self._names = settings, dict(names)
        self._engine = Engine(settings)
        for folder in self._names.values():  # what does not fit is refused before anybody asks
            self._engine.submit(Job([0], folder, Sampler(0.0, 1.0, 0), 1)).result()

    def models(self) -> dict[str, Any]:
        """Return the list of models."""
        listed = [{"id": name, "object": "model", "owned_by": "local"} for name in self._names]
        return {"object": "list", "data": listed}

    def completion(self, asked: Any) -> dict[str, Any]:
        """Return the answer to a chat request.

        Raises:
            BadRequestError: it cannot be answered as it stands.
        """
        if not isinstance(asked, dict):
            raise BadRequestError(400, "the body must be a JSON object")
        name = asked.get("model")
        if not isinstance(name, str) or name not in self._names:
            told = f"no model is called {name!r}; there are {', '.join(self._names)}"
            raise BadRequestError(404, told, "model_not_found")
        for key in ("tools", "stream", "logprobs", "response_format"):
            if asked.get(key):
                raise BadRequestError(400, f"{key} is not supported")
        if asked.get("n") not in (None, 1):
            raise BadRequestError(400, "n: one answer a request")
        try:
            ids = self._engine.encoded(_messages(asked.get("messages")))
        except BadRequestError:
            raise
        except Exception as error:  # a template raises what it likes
            told = f"the chat template refuses these messages ({type(error).__name__})"
            raise BadRequestError(400, told) from error
        left = self._engine.context - len(ids)
        if left < 1:
            told = f"This model's maximum context length is {self._engine.context} tokens; "
            raise BadRequestError(400, f"{told}{len(ids)} were sent", "context_length_exceeded")
        job = self._job(asked, ids, self._names[name], left)
        self._engine.submit(job).result()
        return _completion(name, job, asked)

    def _job(self, asked: Mapping[str, Any], ids: list[int], folder: str, left: int) -> Job:
        own = self._settings
        temperature = _number(asked, "temperature", own.temperature, 0.0, 2.0)
        top_p = _number(asked, "top_p", own.top_p, 1e-6, 1.0)
        given = "max_completion_tokens" if asked.get("max_completion_tokens") else "max_tokens"
        most = _number(asked, given, own.max_new_tokens, 1, 2**31)
        # Without a seed the same request has the same answer: nothing here draws from the clock.
        text = json.dumps(asked.get("messages"), sort_keys=True)
        drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
        seed = _number(asked, "seed", drawn, -MOST_SEED, MOST_SEED)
        if int(most) != most or int(seed) != seed:
            raise BadRequestError(400, f"{given} and seed: give whole numbers")
        stop = asked.get("stop") or list(own.stop)
        stops = [stop] if isinstance(stop, str) else stop
        if not isinstance(stops, list) or not all(isinstance(one, str) and one for one in stops):
            raise BadRequestError(400, "stop: give a text, or a list of texts")
        sampler = Sampler(temperature, top_p, int(seed))
        return Job(ids, folder, sampler, min(int(most), left), stops)


def _messages(given: Any) -> list[dict[str, str]]:
    if not isinstance(given, list) or not given:
        raise BadRequestError(400, "messages: give a list with at least one")
    read = []
    for one in given:
        content = one.get("content") if isinstance(one, dict) else None
        if isinstance(content, list):  # parts, of which only text can be read
            texts = [part.get("text") for part in content if isinstance(part, dict)]
            whole = len(texts) == len(content) and all(isinstance(text, str) for text in texts)
            content = "".join(map(str, texts)) if whole else None
        if not isinstance(content, str) or one.get("role") not in ROLES:
            raise BadRequestError(400, f"messages: each a role of {', '.join(ROLES)}, and a text")
        read.append({"role": one["role"], "content": content})
    return read


def _number(
    asked: Mapping[str, Any], name: str, default: float, least: float, most: float
) -> float:
    value = asked.get(name)
    if value is None:
        return default
    if type(value) not in {int, float} or not least <= value <= most:
        raise BadRequestError(400, f"{name}: give a number from {least:g} to {most:g}")
    return float(value) if type(value) is float else value


def _completion(name: str, job: Job, asked: Mapping[str, Any]) -> dict[str, Any]:
    read, made = len(job.ids), len(job.made)
    text = json.dumps([asked.get("messages"), job.made], sort_keys=True)
    message = {"role": "assistant", "content": job.text}
    return {
        "id": f"chatcmpl-{hashlib.sha256(text.encode()).hexdigest()[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": name,
        "choices": [{"index": 0, "message": message, "finish_reason": job.finish}],
        "usage": {"prompt_tokens": read, "completion_tokens": made, "total_tokens": read + made},
    }


def server(endpoint: Endpoint, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server that listens; ``serve_forever`` answers.

    Raises:
        ConfigError: nothing can listen there.
    """
    kind = type("Handler", (_Handler,), {"endpoint": endpoint})
    try:
        return ThreadingHTTPServer((host, port), kind)
    except (OSError, OverflowError) as error:
        raise ConfigError("--port", port, f"nothing can listen there ({error})") from error


class _Handler(BaseHTTPRequestHandler):
    endpoint: ClassVar[Endpoint]
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that a client may take over its request

    def do_GET(self) -> None:
        """Answer what is asked about models."""
        if self.path.rstrip("/") == "/v1/models":
            self._send(200, self.endpoint.models())
        else:
            self._refuse(BadRequestError(404, f"nothing is at {self.path[:80]}", "not_found"))

    def do_POST(self) -> None:
        """Answer a chat."""
        try:
            if self.path.rstrip("/") != "/v1/chat/completions":
                raise BadRequestError(404, f"nothing is at {self.path[:80]}", "not_found")
            self._send(200, self.endpoint.completion(self._body()))
        except BadRequestError as error:
            self._refuse(error)

    def _body(self) -> Any:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MOST_BYTES:
            self.close_connection = True  # what was not read must not be taken for a request
            raise BadRequestError(413 if length.isdigit() else 411, "give a body of a known length")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise BadRequestError(400, "the body is no JSON") from error

    def _refuse(self, error: BadRequestError) -> None:
        told = {"message": error.told, "type": "invalid_request_error", "code": error.code}
        self._send(error.status, {"error": told})

    def _send(self, status: int, content: Mapping[str, Any]) -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Say nothing: who asked is in the client's own log."""
