"""The one place that talks to litellm: a request in, an answer or a ``FaultError`` out."""

import asyncio
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diagnose.errors import ConfigError
from diagnose.models.litellm.faults import FaultError, fault_of
from diagnose.models.litellm.settings import OUTPUT_UNKNOWN, Settings
from diagnose.models.litellm.spending import Spent
from diagnose.redaction import Redactor, secret_variables

NO_KEY = "none"  # what a server without keys is sent, for some clients insist on one
EMPTY = "(empty)"  # stands for an empty message of the model's, which some providers refuse
BYTES_PER_TOKEN = 4  # a rule of thumb, where nothing was counted
WRAPPING = 64  # tokens that a provider may put around each message, at most


class Provider:
    """One model at one provider. ``redactor`` knows the secrets that may come back."""

    def __init__(self, settings: Settings) -> None:
        """Load litellm and check what can be checked before a call.

        Raises:
            ConfigError: litellm knows no such provider, or the key is missing.
        """
        self._settings = settings
        self._litellm = _loaded()
        self._key = self._read_key()
        secrets = secret_variables([settings.api_key_env] if settings.api_key_env else [])
        self.redactor = Redactor([*secrets.values(), self._key or ""])
        self._provider, self._bare = self._resolved()
        if self._key is None:
            self._key = self._key_without()
        self._left_out = self._untaken()
        self._listed = self._listed_price()

    @property
    def priced(self) -> bool:
        """Whether costs are known."""
        return self._settings.price is not None or self._listed is not None

    def _read_key(self) -> str | None:
        name, file = self._settings.api_key_env, self._settings.api_key_file
        if name:
            if not os.environ.get(name):
                raise ConfigError("subject.api_key_env", name, "export this environment variable")
            return os.environ[name]
        if file:
            try:
                return Path(file).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:
                raise ConfigError("subject.api_key_file", file, "give a readable file") from error
        return None

    def _resolved(self) -> tuple[str, str]:
        """Return the provider's and the model's name."""
        try:
            bare, provider, *_ = self._litellm.get_llm_provider(self._settings.model)
        except Exception as error:
            raise ConfigError(
                "subject.model",
                self._settings.model,
                "name the provider too, as in openai/gpt-4o-mini or ollama_chat/qwen2.5-coder:1.5b "
                "(see docs.litellm.ai/docs/providers)",
            ) from error
        return provider, bare

    def _key_without(self) -> str | None:
        """Return what to send where no key was named.

        A key of the environment belongs to the provider's own address: another is never sent it.
        """
        if self._settings.api_base:
            return NO_KEY
        found = self._litellm.validate_environment(self._settings.model)
        if found["missing_keys"]:
            raise ConfigError(
                "subject.model",
                self._settings.model,
                f"export the environment variable {' or '.join(found['missing_keys'])}, or name "
                "the one that holds the key in subject.api_key_env",
            )
        return None

    def _untaken(self) -> frozenset[str]:
        """Return which of our settings litellm leaves out for this model, by trying each.

        Its list of supported settings says too much: a reasoning model's has a temperature.
        """
        tool = {"type": "function", "function": {"name": "t", "parameters": {"type": "object"}}}
        asked = {**self._settings.sampling(1), "tools": [tool]}
        asked.pop("extra", None)

        def passed_on(**given: Any) -> Any:
            return self._litellm.utils.get_optional_params(
                model=self._bare, custom_llm_provider=self._provider, drop_params=True, **given
            )

        nothing = passed_on()
        try:
            return frozenset(n for n, value in asked.items() if passed_on(**{n: value}) == nothing)
        except Exception as error:
            said = self.redactor.error(str(error))[:200]
            remedy = f"litellm cannot ask it with these settings ({said})"
            raise ConfigError("subject.model", self._settings.model, remedy) from error

    def _listed_price(self) -> Mapping[str, Any] | None:
        """Return the model's entry in the price list, if it has one with prices."""
        for name in (self._settings.model, self._bare):
            entry = self._litellm.model_cost.get(name)
            if entry and entry.get("litellm_provider") == self._provider:
                found: Mapping[str, Any] = entry
                return found if "input_cost_per_token" in found else None
        return None

    def bound(self, request: Mapping[str, Any]) -> Spent:
        """Return what a call may use at most: a token is a byte or more."""
        size = len(json.dumps([request["messages"], request["tools"]], ensure_ascii=False).encode())
        most_in = size + WRAPPING * (1 + len(request["messages"]) + len(request["tools"]))
        listed = (self._listed or {}).get("max_output_tokens")
        most_out = request["sampling"].get("max_tokens") or listed or OUTPUT_UNKNOWN
        return Spent(self._most_usd(most_in, most_out), most_in + most_out)

    def unanswered(self, request: Mapping[str, Any]) -> Spent:
        """Return what an attempt is booked as that was sent and never answered."""
        size = len(json.dumps([request["messages"], request["tools"]], ensure_ascii=False).encode())
        tokens = size // BYTES_PER_TOKEN
        return Spent(self._most_usd(tokens, 0), tokens)

    def _most_usd(self, tokens_in: int, tokens_out: int) -> float:
        price, listed = self._settings.price, self._listed or {}
        if price:
            return (
                tokens_in * price.input_usd_per_mtok + tokens_out * price.output_usd_per_mtok
            ) / 1e6

        def dearest(kind: str) -> float:  # of its tiers: a long context may cost more
            tiers = (listed[name] for name in listed if name.startswith(kind) and listed[name])
            return max((float(tier) for tier in tiers), default=0.0)

        return tokens_in * dearest("input_cost_per_token") + tokens_out * dearest(
            "output_cost_per_token"
        )

    async def call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make one attempt.

        Raises:
            FaultError: it brought no answer.
        """
        finishes: list[object] = []  # as the provider gave them: litellm reads nothing as "stop"
        asked = self._asked(request)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                if self._settings.stream:
                    got = await self._streamed(asked, finishes)
                else:
                    got = await self._litellm.acompletion(
                        **asked, logger_fn=lambda seen: finishes.append(_finish_of(seen))
                    )
        except FaultError:
            raise
        except TimeoutError as error:
            said = f"no whole answer within {self._settings.timeout_s:g} s"
            raise FaultError("retry", "timeout", said) from error
        except Exception as error:
            raise fault_of(error) from error
        return self._answer(request, got, finishes[-1] if finishes else "stop")

    def _asked(self, request: Mapping[str, Any]) -> dict[str, Any]:
        sampling = dict(request["sampling"])
        extra = sampling.pop("extra", {})
        asked = {
            "model": self._settings.model,
            "messages": [_openai(message) for message in request["messages"]],
            "timeout": self._settings.timeout_s,
            "max_retries": 0,
            "num_retries": 0,
            "drop_params": True,
            "_skip_mcp_handler": True,  # else tools have it look for a package of its own extras
            **{name: value for name, value in sampling.items() if name not in self._left_out},
        }
        if request["tools"] and "tools" not in self._left_out:
            asked["tools"] = [{"type": "function", "function": tool} for tool in request["tools"]]
        if extra:
            asked["extra_body"] = extra
        if self._settings.api_base:
            asked["api_base"] = self._settings.api_base
        if self._key is not None:
            asked["api_key"] = self._key
        return asked

    async def _streamed(self, asked: Mapping[str, Any], finishes: list[object]) -> Any:
        stream = await self._litellm.acompletion(
            **asked, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        if stream.received_finish_reason is None:
            raise FaultError("retry", "truncated_response", "the stream ended without a finish")
        finishes.append(stream.received_finish_reason)
        return self._litellm.stream_chunk_builder(chunks, messages=asked["messages"])

    def _answer(self, request: Mapping[str, Any], got: Any, finish: object) -> dict[str, Any]:
        if not got.choices:
            raise FaultError("retry", "malformed_response", "an answer without a choice")
        choice = got.choices[0]
        message = choice.message
        refusal = (getattr(message, "provider_specific_fields", None) or {}).get("refusal")
        text = message.content or refusal or ""
        calls = [
            {
                "id": str(call.id or ""),
                "name": str(call.function.name or ""),
                "arguments": str(call.function.arguments or ""),
            }
            for call in message.tool_calls or ()
        ]
        usage: Any = getattr(got, "usage", None)
        counted = bool(usage and (usage.prompt_tokens or usage.completion_tokens))
        tokens_in, tokens_out = (
            (usage.prompt_tokens, usage.completion_tokens)
            if counted
            else (self.unanswered(request).tokens, len(text.encode()) // BYTES_PER_TOKEN)
        )
        answer = {
            "text": text,
            "tool_calls": calls,
            "finish": "" if finish is None else str(choice.finish_reason or "stop"),
            "input_tokens": int(tokens_in),
            "output_tokens": int(tokens_out),
            "cost_usd": self._cost_usd(got, int(tokens_in), int(tokens_out)),
            "model": str(got.model or ""),
            "dropped": self._dropped(request),
        }
        return answer if counted else {**answer, "usage_estimated": True}

    def _dropped(self, request: Mapping[str, Any]) -> list[str]:
        asked = {*request["sampling"], *(["tools"] if request["tools"] else [])}
        return sorted(asked & self._left_out)

    def _cost_usd(self, got: Any, tokens_in: int, tokens_out: int) -> float:
        if self._settings.price is None and self._listed is not None:
            try:
                return float(
                    self._litellm.completion_cost(
                        completion_response=got,
                        model=self._settings.model,
                        custom_llm_provider=self._provider,
                    )
                )
            except Exception:  # noqa: BLE001 - of any kind: then the listed price, without discounts
                return self._most_usd(tokens_in, tokens_out)
        return self._most_usd(tokens_in, tokens_out)


def listed_price(model: str) -> tuple[float, float] | None:
    """Return dollars per million input and output tokens as litellm lists them, or None.

    Nobody is called, and no key is needed.
    """
    listed = _loaded().model_cost
    provider, _, bare = model.partition("/")
    found = listed.get(model) or listed.get(bare) or {}
    if found.get("litellm_provider") != provider or "input_cost_per_token" not in found:
        return None
    prices = (found.get(f"{kind}_cost_per_token") or 0.0 for kind in ("input", "output"))
    into, out = (1e6 * float(price) for price in prices)
    return into, out


def _loaded() -> Any:
    """Import litellm, quiet and off the network."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it looks for its price list online
    os.environ.setdefault("LITELLM_LOG", "ERROR")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
    # Of its own making, said during calls: where warnings are errors they would look like faults.
    warnings.filterwarnings("ignore", module=r"(litellm|openai)\b")
    warnings.filterwarnings("ignore", message="Item '.*' on TypedDict class", category=UserWarning)
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    litellm.telemetry = False
    return litellm


def _openai(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as the OpenAI protocol has it."""
    said = dict(message)
    if calls := said.pop("tool_calls", None):
        said["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in calls
        ]
        said["content"] = said["content"] or None
    elif said["role"] == "assistant" and not said["content"].strip():
        said["content"] = EMPTY
    return said


def _finish_of(seen: Mapping[str, Any]) -> object:
    """Return the raw answer's finish reason; "stop" where its shape is not OpenAI's."""
    raw: object = seen.get("original_response")
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            return "stop"
    choices = raw.get("choices") if isinstance(raw, Mapping) else None
    if not isinstance(choices, Sequence) or not choices or not isinstance(choices[0], Mapping):
        return "stop"
    return choices[0].get("finish_reason")
