"""Studies at an address: segments, mirror, keeper; memory:// and file:// as stores."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.cli.main import main
from diagnose.errors import ConfigError, StoreError
from diagnose.remote.address import Address, is_address, shown
from diagnose.remote.mirror import CONFLICTS, REFUSED
from diagnose.remote.objects import Objects, UnreachableError
from diagnose.remote.segments import Segment, gaps, merged, needed
from diagnose.remote.sender import JOINED_FROM
from diagnose.shards import Shard
from diagnose.store import Store
from tests.study import fake
from tests.study.remote.machines import ADDRESS, HEADER, PLANS, lines, move, opened, work


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3://key:secret@bucket/a", "holds no credential"),
        ("s3://bucket/a?X-Amz-Signature=abcd", "has no options"),
        ("s3://bucket/../other", r"without \.\."),
        ("s3://bucket//a", "empty parts"),
        ("simplecache::s3://bucket/a", "give an address"),
        ("s3://", "give an address"),
        ("s3://bucket/a b\n", "give an address"),
        ("https://host/a", "nothing can be written"),
        ("s3://bucket/*", "give an address"),
    ],
)
def test_an_address_is_checked_and_shows_no_secret(text: str, said: str) -> None:
    assert is_address(text)
    with pytest.raises(ConfigError, match=said) as caught:
        Address.parse(text)
    assert "secret@" not in str(caught.value)
    assert "abcd" not in str(caught.value)


def test_two_servers_of_one_address_have_two_spools(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Address.parse("s3://bucket/studies/a").folder()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")
    assert Address.parse("s3://bucket/studies/a").folder() != here
    assert shown(here) == "s3://bucket/studies/a"
    assert shown(Path("studies/a")) == "studies/a"


def test_a_file_system_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(ConfigError, match=r'pip install -e "\.\[s3\]"'):
        Objects(Address.parse("s3://bucket/a"))
    with pytest.raises(ConfigError, match="not known"):
        Objects(Address.parse("nosuch://bucket/a"))


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda s: (s[0], sum(s))))


@given(SPANS, SPANS)
def test_spans_are_sets_of_bytes(have: list, want: list) -> None:
    def inside(spans: list) -> set[int]:
        return {byte for start, end in spans for byte in range(start, end)}

    joined = merged(have)
    assert inside(joined) == inside(have)
    assert all(a[1] < b[0] for a, b in pairwise(joined))
    for start, end in want:
        assert inside(list(gaps(joined, start, end))) == inside([(start, end)]) - inside(have)
    segments = [Segment("1-of-1", "0" * 12, "episodes", *span, "") for span in want]
    brought = [span for _, spans in needed(segments, joined) for span in spans]
    assert inside(brought) == inside(want) - inside(have)
    assert sum(end - start for start, end in brought) == len(inside(brought))  # nothing twice


@pytest.mark.parametrize(
    "name",
    [
        "parts/1-of-1.0123456789ab/../../../etc/passwd",
        "parts/1-of-1.0123456789ab/episodes-000000000000-000000000000-" + "0" * 64 + ".jsonl",
        "parts/../1-of-1.0123456789ab/episodes-000000000000-000000000009-" + "0" * 64 + ".jsonl",
        "parts/1-of-1.0123456789ab/secrets-000000000000-000000000009-" + "0" * 64 + ".jsonl",
    ],
)
def test_hostile_names_are_no_segments_and_are_told(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Segment.parse(name) is None
    work(PLANS[:2])
    fsspec.filesystem("memory").store[f"/records/fake-1/{name}"] = fsspec.filesystem(
        "memory"
    ).store["/records/fake-1/study.json"]
    assert len(lines()) == 2
    assert not (tmp_path / "etc").exists()
    assert main(["doctor", ADDRESS]) == 1
    assert "is no segment of a study" in capsys.readouterr().out


def test_records_go_from_machine_to_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, upto in (("a", 7), ("b", 20), ("a", 30), ("c", len(PLANS))):
        move(monkeypatch, name)
        work(PLANS[:upto])
        assert len(lines()) == upto
    move(monkeypatch, "reader")
    assert lines() == fake.expected(PLANS)
    ours = [json.loads(line)["episode_id"] for line in lines()]
    assert len(set(ours)) == len(PLANS)
    assert main(["doctor", ADDRESS]) == 0


def test_shards_on_machines_of_their_own_are_one_study(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3):
        move(monkeypatch, f"m{number}")
        mine = Shard(number, 3).deal(fake.identify(plan) for plan in PLANS)
        work([plan for plan in PLANS if fake.identify(plan) in mine], shard=Shard(number, 3))
    move(monkeypatch, "reader")
    assert lines() == fake.expected(PLANS)


def test_what_two_machines_recorded_counts_once_and_otherwise_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = {}
    for name, plans, padding in (
        ("a", PLANS[:4], 200),
        ("b", PLANS[2:6], 200),
        ("c", PLANS[:1], 9),
    ):
        move(monkeypatch, name)
        both[name] = opened(Shard(), f"memory://{name}/fake-1")  # nobody knows of the others
        with Store(Address.parse(f"memory://{name}/fake-1").folder(), HEADER) as store:
            both[name].begin()
            for plan in plans:
                store.append_record(fake.record(plan, padding=padding))
        assert both[name].finish() == 0
    store = fsspec.filesystem("memory").store
    for path in list(store):
        store[f"/records/{path[3:]}"] = store[path]
    move(monkeypatch, "reader")
    found = lines()
    ids = [json.loads(line)["episode_id"] for line in found]
    assert sorted(ids) == sorted(fake.identify(plan) for plan in PLANS[:6])
    other = fake.record(PLANS[0], padding=9).to_line()
    assert set(found) - {other, fake.record(PLANS[0]).to_line()} == set(fake.expected(PLANS[1:6]))
    aside = list(Address.parse(ADDRESS).folder().glob(f"shards/*/{CONFLICTS}"))
    assert len(aside) == 1
    assert {aside[0].read_text(), *found} == {other, *fake.expected(PLANS[:6])}
    assert main(["doctor", ADDRESS]) == 1
    assert "1 episodes that another machine recorded otherwise" in capsys.readouterr().out


def test_damage_is_left_out_told_and_sent_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    move(monkeypatch, "a")
    work(PLANS[:9])
    objects = Objects(Address.parse(ADDRESS))
    names = [name for name in sorted(objects.found("parts")) if "/episodes-" in name]
    assert len(names) == 9  # one for each, as every tick sends
    data = [objects.read(name) or b"" for name in names]
    objects.write(names[1], data[1].replace(b"redstone", b"REDSTONE"))
    objects.write(names[4], data[4][:50])
    objects.remove([names[6]])
    move(monkeypatch, "b")
    gone = {data[1].decode(), data[4].decode(), data[6].decode()}
    assert set(lines()) == {line.decode() for line in data} - gone
    assert main(["doctor", ADDRESS]) == 1
    told = capsys.readouterr().out
    assert f"{names[1]} is not what was written: its sum differs" in told
    assert f"{names[4]} has 50 bytes of {len(data[4]):,}: it was uploaded in part" in told
    work(PLANS[:9])  # what is lost runs again, and nothing else
    assert lines() == sorted_lines(data)
    move(monkeypatch, "a")  # who recorded them still has them: they are sent again
    assert main(["doctor", "--repair", ADDRESS]) == 0
    assert objects.read(f"torn/{names[4]}") == data[4][:50]
    assert [objects.read(name) for name in names] == data
    move(monkeypatch, "c")
    assert lines() == sorted_lines(data)
    assert main(["doctor", ADDRESS]) == 0


def sorted_lines(data: list[bytes]) -> list[str]:
    return sorted(
        (line.decode() for line in data),
        key=lambda line: [json.loads(line)[k] for k in ("task", "run", "cell")],
    )


def test_what_is_removed_from_the_store_is_gone_here(monkeypatch: pytest.MonkeyPatch) -> None:
    work(PLANS[:5])
    move(monkeypatch, "reader")
    assert len(lines()) == 5
    objects = Objects(Address.parse(ADDRESS))
    objects.remove([next(name for name in objects.found("parts") if "/episodes-" in name)])
    assert len(lines()) == 4


def test_a_spool_that_was_cut_goes_on_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    move(monkeypatch, "a")
    work(PLANS[:9])
    file = Address.parse(ADDRESS).folder() / "episodes.jsonl"
    cut = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(cut[:4]) + cut[4][:30])  # a power failure
    work(PLANS[:12])
    assert len(list(Address.parse(ADDRESS).folder().glob("shards/*"))) == 1
    assert len(lines()) == 12
    move(monkeypatch, "reader")
    assert len(lines()) == 12
    assert main(["doctor", ADDRESS]) == 0


def test_lines_that_are_no_record_are_set_aside(capsys: pytest.CaptureFixture[str]) -> None:
    work(PLANS[:2])
    objects, folder = Objects(Address.parse(ADDRESS)), Address.parse(ADDRESS).folder()
    rubbish = Segment.of("1-of-1", "ab" * 6, "episodes", 0, b"{}\n[[[[\n\xff\n")
    objects.write(rubbish.name, b"{}\n[[[[\n\xff\n")
    assert len(lines()) == 2
    assert (folder / "shards" / rubbish.home / REFUSED).read_bytes() == b"{}\n[[[[\n\xff\n"
    assert main(["doctor", ADDRESS]) == 1
    assert "3 lines that are no record" in capsys.readouterr().out
    future = fake.record(PLANS[5]).to_line().replace('"schema_version":', '"schema_version":9')
    other = Segment.of("1-of-1", "cd" * 6, "episodes", 0, future.encode())
    objects.write(other.name, future.encode())
    with pytest.raises(StoreError, match="of another schema"):
        lines()


def test_small_segments_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = fake.plans(tasks=4, runs=3)
    monkeypatch.setattr(sys.modules[__name__], "PLANS", plans)
    assert len(plans) > JOINED_FROM
    move(monkeypatch, "a")
    work(plans[:20])
    move(monkeypatch, "reader")
    assert len(lines()) == 20
    move(monkeypatch, "a")
    work(plans)
    objects = Objects(Address.parse(ADDRESS))
    names = [name for name in objects.found("parts") if "/episodes-" in name]
    assert len(names) < JOINED_FROM + 2
    move(monkeypatch, "reader")  # which has read the first ones
    assert lines() == fake.expected(plans)
    assert main(["doctor", ADDRESS]) == 0


def test_answers_and_looks_go_on_where_another_machine_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrote(stream: str, *added: str) -> str:
        keeper = opened()
        path = Address.parse(ADDRESS).folder() / stream
        with path.open("a") as file:
            file.writelines(f"{one}\n" for one in added)
        keeper.begin()
        assert keeper.finish() == 0
        return path.read_text()

    move(monkeypatch, "a")
    wrote("exchanges.jsonl", "1", "2")
    move(monkeypatch, "b")
    assert wrote("exchanges.jsonl", "3") == "1\n2\n3\n"
    move(monkeypatch, "a")
    assert wrote("exchanges.jsonl", "4") == "1\n2\n3\n4\n"
    move(monkeypatch, "c")
    assert sorted(wrote("exchanges.jsonl").split()) == ["1", "2", "3", "4"]
    sent = [Segment.parse(name) for name in Objects(Address.parse(ADDRESS)).found("parts")]
    assert sum(one.size for one in sent if one) == 8  # nobody sent what another had
    wrote("looks.jsonl", '{"number":1}')
    move(monkeypatch, "d")
    assert wrote("looks.jsonl", '{"number":2}').count("\n") == 2


def test_another_studys_header_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    work(PLANS[:1])
    move(monkeypatch, "b")
    keeper = opened()
    with pytest.raises(StoreError, match="design was absent when"):
        Store(Address.parse(ADDRESS).folder(), {**HEADER, "design": "other"})
    keeper.finish()


def test_a_store_that_does_not_answer_keeps_what_was_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper = opened()
    with Store(Address.parse(ADDRESS).folder(), HEADER) as store:
        keeper.begin()
        store.append_record(fake.record(PLANS[0]))
        keeper.tick()
        put = Objects._put

        def refused(*_: object, **__: object) -> None:
            raise UnreachableError("no answer")

        monkeypatch.setattr(Objects, "_put", refused)
        store.append_record(fake.record(PLANS[1]))
        keeper.tick()
    assert keeper.finish() > 500
    monkeypatch.setattr(Objects, "_put", put)
    assert len(lines()) == 2  # this machine has both
    work(PLANS[:2])
    move(monkeypatch, "reader")
    assert len(lines()) == 2
