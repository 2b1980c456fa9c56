"""An episode as a tree of spans, against one worked out by hand."""

from dataclasses import replace

import pytest

from diagnose.observe.spans import Span, spans_of
from diagnose.records import EpisodeRecord, Usage
from tests.study import fake

BEGAN_S = 1_700_000_000.25
TALK = (
    {"role": "user", "content": "the task"},
    {"role": "assistant", "content": "```python\nlook()\n```"},
    {"role": "user", "content": "nothing there"},
    {"role": "assistant", "content": "I give up."},
)
USED = (
    ("scientist/0", 0, 7, 3, "stop"),
    ("subject", 0, 10, 5, "stop"),
    ("subject", 1, 20, 6, "length"),
)
RECORD: EpisodeRecord = replace(
    fake.record(fake.plans()[0], "failed"),
    model="azure/some-model",
    transcript=TALK,
    usage=Usage(turns=2, input_tokens=37, output_tokens=14, cost_usd=0.5),
    calls=tuple(
        {
            "agent": agent,
            "number": number,
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
            "cost_usd": 0.125,
            "finish": finish,
        }
        for agent, number, tokens_in, tokens_out, finish in USED
    ),
)
TIMING = {
    "episode_id": RECORD.episode_id,
    "began_at_s": BEGAN_S,
    "seconds": 4.0,
    # The first program asks a scientist half a second after the reply.
    "calls": [["subject", 0, 0.5, 1.0], ["scientist/0", 0, 2.0, 0.25], ["subject", 1, 3.0, 0.5]],
}


def by_name(spans: list[Span]) -> dict[str, Span]:
    return {
        f"{one.name} {one.attributes.get('diagnose.call.number', '')}".strip(): one for one in spans
    }


def between(span: Span) -> tuple[float, float]:
    began_ns = round(BEGAN_S * 1e9)
    return ((span.start_ns - began_ns) / 1e9, (span.end_ns - began_ns) / 1e9)


def test_the_tree_is_the_episodes() -> None:
    spans = spans_of(RECORD, TIMING)
    root, *_ = spans
    assert (root.name, root.parent_id, between(root)) == ("invoke_agent subject", None, (0.0, 4.0))
    ids = {one.span_id: one.name for one in spans}
    assert len(ids) == len(spans)
    assert sorted((one.name, ids.get(one.parent_id or 0, ""), between(one)) for one in spans) == [
        ("chat some-model", "invoke_agent scientist/0", (2.0, 2.25)),
        ("chat some-model", "invoke_agent subject", (0.5, 1.5)),
        ("chat some-model", "invoke_agent subject", (3.0, 3.5)),
        ("execute_tool run_python", "invoke_agent subject", (1.5, 3.0)),
        ("invoke_agent scientist/0", "execute_tool run_python", (2.0, 2.25)),
        ("invoke_agent subject", "", (0.0, 4.0)),
    ]
    assert {one.trace_id for one in spans} == {root.trace_id}


def test_attributes_are_the_conventions() -> None:
    root, first, second, *_ = spans_of(RECORD, TIMING)
    assert root.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert root.attributes["gen_ai.provider.name"] == "azure.ai.openai"
    assert root.attributes["gen_ai.request.model"] == "some-model"
    assert root.attributes["gen_ai.usage.input_tokens"] == 37
    assert root.attributes["diagnose.outcome"] == "failed"
    assert root.attributes["diagnose.cell"] == RECORD.cell
    assert not root.error  # a device that fails is an outcome
    assert first.client
    assert first.attributes["gen_ai.operation.name"] == "chat"
    assert first.attributes["gen_ai.usage.output_tokens"] == 5
    assert first.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert second.attributes["gen_ai.response.finish_reasons"] == ["length"]
    every = str([one.attributes for one in spans_of(RECORD, TIMING)])
    assert "the task" not in every
    assert "look()" not in every


def test_what_was_said_is_told_when_asked_through_the_filter() -> None:
    spans = by_name(spans_of(RECORD, TIMING, lambda text: text.replace("task", "[secret]")))
    first, second = spans["chat some-model 1"], spans["execute_tool run_python 0"]
    assert "nothing there" in str(first.attributes["gen_ai.input.messages"])
    assert "the task" not in str(spans)
    assert "I give up." in str(first.attributes["gen_ai.output.messages"])
    assert str(second.attributes["gen_ai.tool.call.arguments"]).strip() == "look()"
    assert second.attributes["gen_ai.tool.call.result"] == "nothing there"


def test_the_same_episode_told_twice_is_the_same_spans_and_another_attempt_is_others() -> None:
    assert spans_of(RECORD, TIMING) == spans_of(RECORD, TIMING)
    later = spans_of(RECORD, {**TIMING, "began_at_s": BEGAN_S + 60})
    assert {one.trace_id for one in later} == {spans_of(RECORD, TIMING)[0].trace_id}
    assert not {one.span_id for one in later} & {one.span_id for one in spans_of(RECORD, TIMING)}


@pytest.mark.parametrize("calls", [[], [["subject", 0, 0.5, 1.0]]])
def test_an_episode_that_was_not_observed_ends_in_an_error(calls: list[list[object]]) -> None:
    lost = replace(
        fake.record(fake.plans()[0], "not_observed", "rate_limit: after 5 attempts"),
        transcript=(),
    )
    spans = spans_of(lost, {**TIMING, "calls": calls})
    assert [one.error for one in spans] == ["rate_limit"] * (1 + len(calls))
    assert spans[0].attributes["error.type"] == "rate_limit"
