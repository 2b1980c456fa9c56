"""The log of exchanges: what goes in comes out, grows with what is said, survives a torn tail."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import ConfigError, StoreError
from diagnose.models.litellm.exchanges import (
    NAME,
    Exchanges,
    read_exchanges,
    request_sha256,
)
from diagnose.models.litellm.spending import Spent

WALL = {"at_s": 1.0, "lost_usd": 0.0, "lost_tokens": 0}


def request(texts, place=("e", "subject", 0), tools=()):
    episode_id, agent, number = place
    return {
        "episode_id": episode_id,
        "agent": agent,
        "number": number,
        "model": "openai/m",
        "messages": [{"role": "user", "content": text} for text in texts],
        "tools": list(tools),
        "sampling": {"seed": 1},
    }


def answer(text, tokens=3):
    return {"text": text, "cost_usd": 0.5, "input_tokens": tokens, "output_tokens": 1}


def key(asked):
    return asked["episode_id"], asked["agent"], asked["number"], request_sha256(asked)


def put(log, asked, text="x"):
    log.add(key(asked), asked, answer(text), WALL)


conversations = st.lists(
    st.tuples(
        st.sampled_from(["e1", "e2"]),
        st.sampled_from(["subject", "scientist/0"]),
        st.integers(0, 3),
        st.lists(st.sampled_from(["a", "b", "ü\n"]), max_size=5),  # short texts share prefixes
        st.sampled_from([(), ({"name": "t", "description": "", "parameters": {}},)]),
    ),
    max_size=12,
)


@given(conversations)
def test_every_request_comes_back_whole_and_its_answer_is_found(tmp_path_factory, places):
    folder = tmp_path_factory.mktemp("log")
    asked = [request(texts, place[:3], tools) for *place, texts, tools in places]
    wanted = {}
    log = Exchanges(folder)
    for number, one in enumerate(asked):
        if log.find(key(one)) is None:
            put(log, one, str(number))
            wanted[key(one)] = (one, str(number))
        if number % 3 == 2:  # another run of the same study goes on
            log.close()
            log = Exchanges(folder)
    for place, (_, text) in wanted.items():
        assert log.find(place)["text"] == text
    log.close()
    found = list(read_exchanges(folder))
    assert len(found) == len(wanted)
    for one, (whole, text) in zip(found, wanted.values(), strict=True):
        assert (one.episode_id, one.agent, one.number) == key(whole)[:3]
        assert {name: whole[name] for name in one.request} == one.request
        assert one.answer["text"] == text


def test_the_file_grows_with_what_is_said_and_not_with_its_square(tmp_path):
    log = Exchanges(tmp_path)
    texts = [f"turn {number}: " + "x" * 1000 for number in range(60)]
    for number in range(60):
        put(log, request(texts[: number + 1], ("e", "subject", number)))
    log.close()
    said = sum(map(len, texts))
    assert (tmp_path / NAME).stat().st_size < 1.5 * said
    assert len(list(read_exchanges(tmp_path))[-1].request["messages"]) == 60


def test_runs_of_the_same_conversation_share_no_answer(tmp_path):
    log = Exchanges(tmp_path)
    put(log, request(["hi"], ("run 0", "subject", 0)), "first")
    assert log.find(key(request(["hi"], ("run 1", "subject", 0)))) is None
    assert log.find(key(request(["hi"], ("run 0", "scientist/0", 0)))) is None
    assert log.find(key(request(["hi"], ("run 0", "subject", 1)))) is None
    assert log.find(key(request(["ho"], ("run 0", "subject", 0)))) is None
    assert log.find(key(request(["hi"], ("run 0", "subject", 0))))["text"] == "first"


@pytest.mark.parametrize("cut", [1, 30])
def test_a_torn_tail_is_moved_aside_and_its_call_made_again(tmp_path, cut):
    log = Exchanges(tmp_path)
    for number in range(3):
        put(log, request(["hi"] * (number + 1), ("e", "subject", number)))
    log.close()
    path = tmp_path / NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    log = Exchanges(tmp_path)
    assert log.count == 2
    assert log.find(key(request(["hi"] * 3, ("e", "subject", 2)))) is None
    put(log, request(["hi"] * 3, ("e", "subject", 2)))
    log.close()
    again = path.read_bytes().splitlines()
    assert again[:2] == whole.splitlines()[:2]
    last, before = json.loads(again[2]), json.loads(whole.splitlines()[2])
    assert last["wall"].pop("run") == before["wall"].pop("run") + 1
    assert last == before
    torn = (tmp_path / "exchanges.torn").read_bytes()
    assert torn == whole.splitlines(keepends=True)[2][:-cut] + b"\n"


def test_a_broken_line_before_the_last_is_not_repaired_in_silence(tmp_path):
    log = Exchanges(tmp_path)
    for number in range(2):
        put(log, request(["hi"], ("e", "subject", number)))
    log.close()
    path = tmp_path / NAME
    path.write_bytes(b"{" + path.read_bytes())
    before = path.read_bytes()
    with pytest.raises(StoreError, match="line 1 is broken"):
        Exchanges(tmp_path)
    assert path.read_bytes() == before


def test_what_earlier_runs_spent_is_read_back(tmp_path):
    log = Exchanges(tmp_path)
    put(log, request(["a"]))
    log.add_lost({**WALL, "at_s": 9.0, "lost_usd": 0.25, "lost_tokens": 100})
    log.close()
    log = Exchanges(tmp_path)
    assert (log.run, log.before) == (1, Spent(0.75, 104, 9.0))
    put(log, request(["a"], ("e", "subject", 1)))
    log.close()
    assert Exchanges(tmp_path).before == Spent(1.25, 108, 10.0)


def test_answers_are_replayed_from_another_study_and_not_counted_as_spent(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    old = Exchanges(tmp_path / "old")
    put(old, request(["a"]), "paid for")
    old.close()
    new = Exchanges(tmp_path / "new", str(tmp_path / "old"))
    assert new.find(key(request(["a"])))["text"] == "paid for"
    assert (new.count, new.before) == (0, Spent())
    new.close()
    with pytest.raises(ConfigError, match=r"subject\.exchanges"):
        Exchanges(tmp_path / "new", str(tmp_path / "nowhere"))
