"""litellm against the stub server: each way of going wrong has its one meaning."""

from dataclasses import asdict

import pytest

from diagnose.errors import ConfigError, InfrastructureError, NoReplyError, StoppedError
from diagnose.models import Call, CallUsage, Message, Tool, ToolCall
from diagnose.models.counted import Counted
from diagnose.models.litellm import LiteLLM
from tests.stub import server
from tests.stub.server import PASSING, Stub, echo, serving

ASKED = [Message("system", "Be brief."), Message("user", "hi")]
HERE = Call((0, "A-L1", 0), 0, "episode")
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}


def model(stub, **settings):
    given = {"timeout_s": 20, "backoff_s": 0.01, "attempts": 12, "price": PRICE, **settings}
    return LiteLLM(**{"model": "openai/m", "api_base": stub.url, **given})


@pytest.fixture
def alone(monkeypatch):
    """No key in the environment."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_an_answer_with_its_usage_and_cost():
    with serving(Stub(echo)) as stub:
        reply = model(stub, temperature=0.5).reply(ASKED, HERE)
    assert (reply.text, reply.finish, reply.dropped) == ("You said: hi", "stop", ())
    assert reply.usage == CallUsage(2, 7, (2 * 1.0 + 7 * 2.0) / 1e6)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [fault for fault in PASSING if fault != "slow"])
def test_what_passes_is_tried_again_and_leaves_no_trace(fault, stream):
    with serving(Stub(echo, faults={fault: 0.5}, seed=2)) as stub:
        subject = model(stub, stream=stream)
        replies = [subject.reply([Message("user", f"{n}")], HERE) for n in range(8)]
    assert [reply.text for reply in replies] == [f"You said: {n}" for n in range(8)]
    assert {reply.usage for reply in replies} == {CallUsage(1, 7, 1.5e-05)}
    assert stub.met[fault] >= 2
    assert stub.requests == 8 + stub.met[fault]


def test_a_slow_body_is_given_up_and_tried_again():
    with serving(Stub(echo)) as stub:
        model(stub).reply(ASKED, HERE)  # litellm loads parts of itself during a first call
    with serving(Stub(echo, faults={"slow": 0.5}, seed=1)) as stub:
        subject = model(stub, timeout_s=0.5)
        replies = [subject.reply([Message("user", f"{n}")], HERE) for n in range(6)]
    assert [reply.text for reply in replies] == [f"You said: {n}" for n in range(6)]
    assert stub.met["slow"] >= 1


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("rate_limit", "rate_limit"),
        ("rate_limit_bare", "rate_limit"),
        ("server_error", "server_error"),
        ("unavailable", "unavailable"),
        ("reset", "connection_lost"),
        ("truncated", "truncated_response"),
        ("malformed", "malformed_response"),
        ("no_finish", "empty_response"),
    ],
)
def test_what_lasts_is_infrastructure_by_its_name(fault, cause):
    with serving(Stub(echo, faults={fault: 1.0})) as stub:
        with pytest.raises(InfrastructureError) as failed:
            model(stub, attempts=3).reply(ASKED, HERE)
        assert stub.requests == 3
    assert failed.value.cause == cause


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("context_overflow", "context_window"),
        ("refused_prompt", "content_refused"),
        ("refusal", "content_refused"),
    ],
)
def test_what_is_the_models_own_is_asked_once_and_named(fault, cause):
    with serving(Stub(echo, faults={fault: 1.0})) as stub:
        subject = Counted(model(stub))
        with pytest.raises(NoReplyError) as none:
            subject.reply(ASKED, HERE)
        assert stub.requests == 1
    assert none.value.cause == cause
    assert [call["finish"] for call in subject.calls] == [cause]


def test_an_empty_answer_is_the_models_after_one_more_try():
    with serving(Stub(echo, faults={"empty": 1.0})) as stub:
        reply = model(stub).reply(ASKED, HERE)
        assert stub.requests == 2
    assert (reply.text, reply.finish) == ("", "stop")


def test_tool_calls_pass_as_they_came():
    tool = Tool("build", "Put blocks.", {"type": "object", "properties": {}})
    with serving(Stub(echo, faults={"wrong_tool": 1.0})) as stub:
        seen = []
        stub.answer = lambda body: seen.append(body) or echo(body)
        reply = model(stub).reply(ASKED, Call((0, "A-L1", 0), 0, "episode", tools=(tool,)))
    assert reply.tool_calls == (ToolCall("call_1", "launch", '{"where": '),)
    assert reply.finish == "tool_calls"
    assert seen[0]["tools"] == [{"type": "function", "function": asdict(tool)}]


def test_a_conversation_with_tools_goes_out_in_the_protocols_form():
    said = [
        Message("user", "go"),
        Message("assistant", "", (ToolCall("c1", "press", "{}"),)),
        Message("tool", "dark", tool_call_id="c1"),
        Message("assistant", "   "),
        Message("user", "and now?"),
    ]
    with serving(Stub(echo)) as stub:
        seen = []
        stub.answer = lambda body: seen.append(body) or echo(body)
        model(stub, extra={"top_k": 20}, temperature=0.5).reply(said, HERE)
    (body,) = seen
    assert body["messages"] == [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "press", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "content": "dark", "tool_call_id": "c1"},
        {"role": "assistant", "content": "(empty)"},
        {"role": "user", "content": "and now?"},
    ]
    assert (body["top_k"], body["temperature"], body["max_tokens"]) == (20, 0.5, 4096)
    assert 0 <= body["seed"] < 2**31


def test_a_setting_that_the_provider_does_not_take_is_dropped_and_told():
    with serving(Stub(echo)) as stub:
        subject = LiteLLM(
            model="openai/o3-mini", api_base=stub.url, temperature=0.5, price=PRICE, timeout_s=20
        )
        seen = []
        stub.answer = lambda body: seen.append(body) or echo(body)
        reply = subject.reply(ASKED, HERE)
    assert "temperature" in reply.dropped
    assert "temperature" not in seen[0]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("settings", "stubbed", "field", "said"),
    [
        ({}, {"key": "sk-right-0123456789"}, "api_key_env", "refuses the key"),
        ({}, {"models": frozenset({"other"})}, "subject.model", "knows no such model"),
        ({"api_base": "http://127.0.0.1:9/v1"}, {}, "subject.api_base", "nobody answers there"),
        ({"api_base": ""}, {}, "subject.model", "export the environment variable OPENAI_API_KEY"),
        (
            {"api_base": "", "model": "anthropic/claude-3-5-haiku-latest"},
            {},
            "subject.model",
            "export the environment variable ANTHROPIC_API_KEY",
        ),
        ({"model": "nonsense"}, {}, "subject.model", "name the provider too"),
        ({"api_key_env": "NO_SUCH_VARIABLE"}, {}, "subject.api_key_env", "export this"),
        ({"api_key_file": "/nowhere/key"}, {}, "subject.api_key_file", "readable file"),
    ],
)
def test_what_is_the_configurations_stops_at_once(settings, stubbed, field, said):
    with serving(Stub(echo, **stubbed)) as stub:
        with pytest.raises(ConfigError) as wrong:
            model(stub, **settings).reply(ASKED, HERE)
        assert stub.requests <= 1
    assert field in wrong.value.field
    assert said in str(wrong.value)


def test_a_refused_connection_after_an_answer_is_infrastructure():
    with serving(Stub(echo)) as stub:
        subject = model(stub, attempts=2)
        subject.reply(ASKED, HERE)
    with pytest.raises(InfrastructureError) as failed:
        subject.reply([Message("user", "again")], HERE)
    assert failed.value.cause == "unreachable"


def test_the_key_is_sent_and_comes_back_nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("MY_SERVER_KEY", "planted-0123456789")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-provider-itself")
    file = tmp_path / "key"
    file.write_text("planted-0123456789\n")
    with serving(Stub(echo, key="planted-0123456789")) as stub:
        for named in ({"api_key_env": "MY_SERVER_KEY"}, {"api_key_file": str(file)}):
            asked = [Message("user", "is it planted-0123456789?")]
            assert model(stub, **named).reply(asked, HERE).text == "You said: is it [secret]?"
        with pytest.raises(ConfigError):
            model(stub).reply(ASKED, HERE)
    sent = [header["authorization"] for header in stub.headers]
    # The provider's own key is never sent to another address.
    assert sent == ["Bearer planted-0123456789"] * 2 + ["Bearer none"]
    with serving(Stub(echo, key="another")) as stub, pytest.raises(ConfigError) as wrong:
        model(stub, api_key_env="MY_SERVER_KEY").reply(ASKED, HERE)
    assert "planted" not in str(wrong.value)


def test_an_account_that_is_used_up_stops_the_study(monkeypatch):
    broke = (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota")
    monkeypatch.setitem(server._ERRORS, "rate_limit", broke)
    with serving(Stub(echo, faults={"rate_limit": 1.0})) as stub:
        with pytest.raises(StoppedError, match="top it up"):
            model(stub).reply(ASKED, HERE)
        assert stub.requests == 1
