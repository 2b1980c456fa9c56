"""Records as Inspect logs: one evaluation per model and cell, a sample per task, an epoch per run.

Inspect's own viewer and data frames read them. The package is an optional extra and is imported
here alone.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.log._log import EvalError  # it has no public name, and a sample's error wants one
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.scorer import CORRECT, INCORRECT, Score
from inspect_ai.tool import ToolCall

from diagnose.records import EpisodeRecord, plain_values

SCORE = "passed"
_SHAM = 9  # the dose of a placebo, which supplies nothing
# What an Inspect log has a place of its own for; all else of a record is the sample's metadata.
_ELSEWHERE = ("transcript", "config", "versions")


def eval_logs(records: Iterable[EpisodeRecord], created: str) -> list[EvalLog]:
    """Return the logs of a study's records, in the order of models and cells.

    Args:
        records: each episode once.
        created: when the records were written, ISO 8601 with a zone; they say nothing of time.
    """
    groups: dict[tuple[str, str], list[EpisodeRecord]] = {}
    for record in sorted(records, key=lambda one: one.sort_key):
        groups.setdefault((record.model, record.cell), []).append(record)
    return [_log(group, created) for _, group in sorted(groups.items())]


def write_logs(logs: Sequence[EvalLog], folder: Path) -> list[Path]:
    """Write each log as an ``.eval`` file into ``folder`` and return where."""
    written = []
    for log in logs:
        path = folder / f"{log.eval.task}_{log.eval.eval_id}.eval"
        write_eval_log(log, str(path), format="eval")
        written.append(path)
    return written


def _log(group: Sequence[EpisodeRecord], created: str) -> EvalLog:
    first = group[0]
    doses = {name: int(dose) for name, dose in zip(first.factors, first.cell, strict=True)}
    name = f"{_slug(first.study)}-{first.cell or 'all'}"
    ids = list(dict.fromkeys(one.task for one in group))
    observed = [one for one in group if one.success is not None]
    usage = _usage(group)
    identity = _hash(first.study, first.model, first.cell, *(one.episode_id for one in group))
    spec = EvalSpec(
        eval_id=identity,
        run_id=_hash(first.study, first.model),
        created=created,
        task=name,
        task_id=_hash(first.study, first.cell),
        task_args=doses,
        dataset=EvalDataset(name=first.study, samples=len(ids), sample_ids=ids),
        model=_clean(first.model),
        config=EvalConfig(epochs=max(one.run for one in group) + 1),
        packages={str(key): str(value) for key, value in first.versions.items()},
        metadata={
            "study": first.study,
            "study_seed": first.study_seed,
            "cell": first.cell,
            "factors": list(first.factors),
            "doses": doses,
            "config": _cleaned(first.config),
        },
    )
    return EvalLog(
        status="success",
        eval=spec,
        results=_results(group, observed),
        stats=EvalStats(started_at=created, completed_at=created, model_usage=usage),
        samples=[_sample(one) for one in group],
    )


def _results(group: Sequence[EpisodeRecord], observed: Sequence[EpisodeRecord]) -> EvalResults:
    """Return the share that passed of what was observed.

    No standard error: episodes of one task are not independent, and ``diagnose analyze`` says what
    follows from that.
    """
    metrics = {}
    if observed:
        passed = sum(bool(one.success) for one in observed) / len(observed)
        metrics["accuracy"] = EvalMetric(name="accuracy", value=passed)
    score = EvalScore(
        name=SCORE,
        scorer=SCORE,
        scored_samples=len(observed),
        unscored_samples=len(group) - len(observed),
        metrics=metrics,
    )
    return EvalResults(total_samples=len(group), completed_samples=len(observed), scores=[score])


def _sample(record: EpisodeRecord) -> EvalSample:
    messages = [_message(record, at, one) for at, one in enumerate(record.transcript)]
    asked = next((one.text for one in messages if one.role == "user"), record.task)
    answer = next((one.text for one in reversed(messages) if one.role == "assistant"), "")
    metadata = _cleaned(plain_values(record))
    for name in _ELSEWHERE:
        metadata.pop(name)
    for name, did in record.interventions.items():  # flat: each a column of Inspect's data frames
        metadata[f"dose_{name}"] = did.dose
        metadata[f"used_{name}"] = did.used
        supplied = did.dose not in (0, _SHAM)
        metadata[f"supplied_{did.capacity}"] = supplied
    scores = None
    if record.success is not None:
        reasons = record.verdict.get("reasons") if record.verdict else None
        scores = {
            SCORE: Score(
                value=CORRECT if record.success else INCORRECT,
                explanation=_clean("\n".join(map(str, reasons or ()))) or None,
            )
        }
    error = None
    if record.outcome == "not_observed":
        said = _clean(record.missing_cause) or "not observed"
        error = EvalError(message=said, traceback=said, traceback_ansi=said)
    return EvalSample(
        id=record.task,
        epoch=record.run + 1,
        input=asked,
        target="",
        messages=messages,
        output=ModelOutput.from_content(_clean(record.model), answer),
        scores=scores,
        metadata=metadata,
        model_usage=_usage([record]),
        uuid=record.episode_id,
        error=error,
    )


def _message(record: EpisodeRecord, at: int, message: Mapping[str, Any]) -> ChatMessage:
    identity, content = f"{record.episode_id}-{at}", _clean(str(message.get("content") or ""))
    match message.get("role"):
        case "system":
            return ChatMessageSystem(id=identity, content=content)
        case "assistant":
            calls = message.get("tool_calls")
            read = [_call(one) for one in calls] if isinstance(calls, list | tuple) else None
            return ChatMessageAssistant(
                id=identity, content=content, tool_calls=read, model=_clean(record.model)
            )
        case "tool":
            answered = _clean(str(message.get("tool_call_id") or ""))
            return ChatMessageTool(id=identity, content=content, tool_call_id=answered)
        case _:
            return ChatMessageUser(id=identity, content=content)


def _call(call: Mapping[str, Any]) -> ToolCall:
    """Return a tool call; arguments that are no JSON object are kept as they came."""
    text = _clean(str(call.get("arguments") or ""))
    fault = None
    try:
        arguments: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        arguments, fault = None, f"no JSON: {error}"
    if not isinstance(arguments, dict):
        arguments, fault = {"text": text}, fault or "no JSON object"
    return ToolCall(
        id=_clean(str(call.get("id") or "")),
        function=_clean(str(call.get("name") or "")),
        arguments=arguments,
        parse_error=fault,
    )


def _usage(records: Sequence[EpisodeRecord]) -> dict[str, ModelUsage]:
    tokens_in = sum(one.usage.input_tokens for one in records)
    tokens_out = sum(one.usage.output_tokens for one in records)
    usage = ModelUsage(
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        total_tokens=tokens_in + tokens_out,
        total_cost=sum(one.usage.cost_usd for one in records),
    )
    return {_clean(records[0].model): usage}


def _cleaned(value: Any) -> Any:
    """Return plain data in which every text is valid Unicode, which the log's format insists on."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _slug(text: str) -> str:
    return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in text)[:60]


def _hash(*parts: str) -> str:
    whole = json.dumps(parts, ensure_ascii=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:22]
