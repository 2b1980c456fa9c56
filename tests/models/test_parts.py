"""The gateway's parts by themselves: backoff, the gate, the account, secrets."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import ConfigError, StoppedError
from diagnose.models import Call, Caps
from diagnose.models.litellm import LiteLLM, call_seed
from diagnose.models.litellm.limits import Gate
from diagnose.models.litellm.retry import LONGEST_RETRY_AFTER_S, Backoff
from diagnose.models.litellm.spending import Spending, Spent
from diagnose.redaction import HIDDEN, Redactor, secret_variables


@given(st.integers(1, 30), st.floats(0, 5), st.floats(0, 90), st.floats(0, 1e4), st.integers())
def test_a_wait_lies_between_what_was_asked_and_that_plus_the_bound(
    attempt, first_s, longest_s, asked_s, seed
):
    wait_s = Backoff(30, first_s, longest_s).wait_s(attempt, asked_s, random.Random(seed))
    least = min(asked_s, LONGEST_RETRY_AFTER_S)
    assert least <= wait_s <= least + min(longest_s, first_s * 2 ** (attempt - 1))


def test_jitter_is_full():
    chance = random.Random(1)
    waits = [Backoff(9, 1.0, 60.0).wait_s(3, None, chance) for _ in range(4000)]
    assert sum(waits) / len(waits) == pytest.approx(2.0, abs=0.1)  # uniform from 0 to 4
    assert min(waits) < 0.05
    assert max(waits) > 3.95


class Clock:
    """A clock that tests move."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_the_limit_halves_once_per_burst_and_grows_by_one_per_round():
    clock = Clock()
    gate = Gate(64, clock=clock)
    for _ in range(20):
        gate.refused(None)  # they were in flight together
    assert gate.limit == 32
    clock.now = 5.0
    gate.refused(7.0)
    assert (gate.limit, gate.closed_until) == (16, 12.0)
    for _ in range(16):
        gate.succeeded()
    assert gate.limit == pytest.approx(17, abs=0.05)
    for _ in range(20_000):
        gate.succeeded()
    assert gate.limit == 64
    for second in range(100):
        clock.now = 10.0 + 2 * second
        gate.refused(None)
    assert gate.limit == 1


@given(st.integers(1, 6), st.lists(st.sampled_from(["ok", "busy"]), min_size=1, max_size=40))
def test_never_more_in_flight_than_the_limit_and_everyone_gets_through(most, ends):
    async def scenario():
        gate = Gate(most)
        seen = []

        async def call(end):
            async with gate.passing(10):
                seen.append(gate.in_flight)
                assert gate.in_flight <= most
                await asyncio.sleep(0)
                if end == "busy":
                    gate.refused(None)
            gate.succeeded()

        await asyncio.wait_for(asyncio.gather(*map(call, ends)), 10)
        assert len(seen) == len(ends)
        assert gate.in_flight == 0

    asyncio.run(scenario())


def test_calls_a_minute():
    async def scenario():
        clock = Clock()
        gate = Gate(9, rpm=3, clock=clock)
        for _ in range(3):
            async with gate.passing(1):
                clock.now += 1.0
        assert gate._wait_s(1) == pytest.approx(60.0 - 3.0)
        clock.now = 60.0
        assert gate._wait_s(1) == 0.0

    asyncio.run(scenario())


def test_tokens_a_minute_count_what_was_really_used():
    async def scenario():
        clock = Clock()
        gate = Gate(9, tpm=100, clock=clock)
        async with gate.passing(90) as used:
            assert gate._wait_s(20) == 60.0
            used(30)
        assert gate._wait_s(20) == 0.0
        assert gate._wait_s(1000) == 60.0  # alone it would pass, but not beside another
        clock.now = 61.0
        assert gate._wait_s(1000) == 0.0

    asyncio.run(scenario())


@given(
    st.floats(0.5, 5.0),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40),
)
def test_dollars_never_exceed_their_cap(cap, calls):
    """Whatever is in flight together, as long as no call uses more than its bound."""

    async def scenario():
        spending = Spending(Caps(usd=cap), Spent(usd=0.25))
        stopped = 0

        async def call(most, share):
            nonlocal stopped
            bound = Spent(most, 0)
            try:
                await spending.reserve(bound)
            except StoppedError:
                stopped += 1
                return
            await asyncio.sleep(0)
            spending.settle(bound, Spent(most * share, 0))

        await asyncio.gather(*(call(most, share) for most, share in calls))
        assert spending.total.usd <= cap + 1e-9
        if stopped:  # only where the next call might have exceeded it
            assert spending.total.usd + max(most for most, _ in calls) > cap
        if sum(most for most, _ in calls) + 0.25 <= cap:
            assert stopped == 0

    asyncio.run(scenario())


def test_a_reached_cap_says_what_was_spent_and_how_to_go_on():
    async def scenario():
        clock = Clock()
        spending = Spending(Caps(seconds=100), Spent(seconds=70), clock)
        await spending.reserve(Spent())
        clock.now = 31.0
        with pytest.raises(StoppedError) as stopped:
            await spending.reserve(Spent())
        assert str(stopped.value) == (
            "caps.seconds is reached: 101 of 100 seconds are spent and the next call might exceed "
            "it; every finished episode is recorded; raise caps.seconds and the same command "
            "continues"
        )

    asyncio.run(scenario())


def test_secrets_are_found_by_the_names_of_variables(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "abcdefgh-1")
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    monkeypatch.setenv("MONKEY", "business")
    monkeypatch.setenv("PLAIN", "named by the user")
    found = secret_variables(["PLAIN"])
    assert found["SOME_API_KEY"] == "abcdefgh-1"
    assert {"HF_TOKEN", "PLAIN"} <= found.keys()
    assert "MONKEY" not in found


@given(st.text(), st.text(min_size=8), st.text(), st.text())
def test_no_known_secret_survives(before, secret, between, after):
    redactor = Redactor([secret, secret + "more"])
    text = before + secret + between + secret + "more" + after
    tree = redactor.tree({"a": [text], secret: {"b": text}})
    for shown in (redactor.text(text), *tree["a"], *tree, *redactor.tree([text])):
        assert secret not in shown.replace(HIDDEN, "") or secret in HIDDEN * 3


def test_an_error_shows_no_key_of_anyone():
    said = "Incorrect API key provided: sk-proj-abc*********xyz. Bearer eyJhbGciOi is no good"
    assert Redactor([]).error(said) == (f"Incorrect API key provided: {HIDDEN} {HIDDEN} is no good")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "subject.model"),
        ({"model": "openai/m", "api_key": "sk-secret-0123456789"}, "subject.api_key"),
        ({"model": "openai/m", "extra": {"api_key": "sk-secret-0123456789"}}, "extra.api_key"),
        ({"model": "openai/m", "temperature": 3}, "subject.temperature"),
        ({"model": "openai/m", "temperature": "hot"}, "subject.temperature"),
        ({"model": "openai/m", "max_tokens": -1}, "subject.max_tokens"),
        ({"model": "openai/m", "concurrency": 0}, "subject.concurrency"),
        ({"model": "openai/m", "timeout_s": float("inf")}, "subject.timeout_s"),
        ({"model": "openai/m", "price": {"input_usd_per_mtok": 1}}, "subject"),
        ({"model": "openai/m", "price": {"input_usd_per_mtok": 1, "output_usd_per_mtok": -1}}, "p"),
        ({"model": "openai/m", "tempreature": 1}, "subject"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_without_showing_a_secret(settings, field):
    with pytest.raises(ConfigError) as refused:
        LiteLLM(**settings)
    assert field in refused.value.field
    assert "sk-secret" not in str(refused.value)


def test_seeds_are_shared_by_cells_and_by_nothing_else():
    places = [
        Call((study, task, run), number, episode_id="any", agent=agent)
        for study in (0, 1)
        for task in ("A-L1", "A-L2")
        for run in (0, 1, 2)
        for number in (0, 1)
        for agent in ("subject", "scientist/0")
    ]
    seeds = [call_seed(call) for call in places]
    assert len(set(seeds)) == len(places)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert call_seed(Call((0, "A-L1", 0), 0, "one cell")) == call_seed(Call((0, "A-L1", 0), 0))
