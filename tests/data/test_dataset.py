"""The data's folder: what is written is read again, and what is not ours is refused."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import InputError
from diagnose.training.dataset import SPLITS, Dataset, Example, Pair, Source

SOURCE = Source("e" * 20, "A-L1", "A", 1, 0, "0000", "corpus")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SAID = st.tuples(st.sampled_from(["system", "user", "assistant"]), TEXT)


def example(*said, split="train", corrupted=""):
    said = said or (("user", "Build."), ("assistant", "Done."))
    messages = tuple({"role": role, "content": text} for role, text in said)
    return Example(messages, split, SOURCE, corrupted)


@given(
    st.lists(st.tuples(st.lists(SAID, max_size=3), TEXT, st.sampled_from(SPLITS), TEXT), max_size=4)
)
def test_what_is_written_is_read_again(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("data")
    rows = tuple(
        example(*said, ("assistant", last), split=split, corrupted=kind)
        for said, last, split, kind in lines
    )
    chat = ({"role": "user", "content": "é\u2028"},)
    pair = Pair(chat, ({"role": "assistant", "content": "x"},), chat, "train", SOURCE)
    data = Dataset(rows, (pair,), {"made": "by hand"})
    about = data.write(folder)
    read = Dataset.read(folder)
    assert read == data
    assert [len(read.examples(split)) for split in SPLITS] == [
        sum(row.split == split for row in rows) for split in SPLITS
    ]
    assert read.pairs("train") == [pair]
    assert read.pairs("held_out") == []
    for name, digest in about["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_pairs_of_an_earlier_set_do_not_stay(tmp_path):
    chat = ({"role": "user", "content": "x"},)
    Dataset((example(),), (Pair(chat, chat, chat, "train", SOURCE),)).write(tmp_path / "data")
    Dataset((example(),)).write(tmp_path / "data")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "data.json",
        "examples.jsonl",
    ]


def test_another_s_folder_is_left_as_it_is(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something else"):
        Dataset((example(),)).write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"messages": []}, "give a list of messages"),
        ({"messages": "hello"}, "give a list of messages"),
        ({"messages": [{"role": "root", "content": "x"}]}, "a role is one of"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "a role is one of"),
        ({"messages": [{"role": "user", "content": None}]}, "a content is a text"),
        ({"messages": [{"role": "user", "content": "x"}]}, "end with the assistant"),
        ({"messages": [{"role": "assistant", "content": "\ud800"}]}, "valid Unicode"),
        ({"messages": [{"role": "assistant", "content": "x", "weight": 1}]}, "with the keys"),
        ({"messages": [{"role": "assistant", "content": "x"}] * 2001}, "give at most 2000"),
        ({"messages": [{"role": "assistant", "content": "x" * 2_000_001}]}, "give at most 2000000"),
        (
            {"messages": [{"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}]},
            "a call is",
        ),
        ({"split": "test"}, "split"),
        ({"source": {"episode_id": 3}}, "source"),
        ({"source": None}, "source"),
        ({"source": {**vars(SOURCE), "level": "1"}}, "source.level"),
        ({"source": {**vars(SOURCE), "level": True}}, "source.level"),
        ({"source": {**vars(SOURCE), "kind": "stolen"}}, "source.kind"),
        ({"corrupted": True}, "corrupted"),
        ({"tools": [1]}, "tools"),
    ],
)
def test_a_strange_line_is_refused(tmp_path, change, said):
    line = {**example().to_json(), **change}
    with pytest.raises(InputError, match=said):
        Dataset.read(rewritten(tmp_path, json.dumps(line).encode()))


@pytest.mark.parametrize("raw", [b"[1]", b"{", b"\xff", b"[" * 100_000, b"null"])
def test_a_line_that_is_no_object_is_refused(tmp_path, raw):
    with pytest.raises(InputError, match="is no JSON object"):
        Dataset.read(rewritten(tmp_path, raw))


def rewritten(folder, raw: bytes):
    """A folder whose one line is ``raw``, with the hash that it should have."""
    Dataset((example(),)).write(folder / "data")
    (folder / "data" / "examples.jsonl").write_bytes(raw + b"\n")
    about = json.loads((folder / "data" / "data.json").read_text())
    about["sha256"] = {"examples.jsonl": hashlib.sha256(raw + b"\n").hexdigest()}
    (folder / "data" / "data.json").write_text(json.dumps(about))
    return folder / "data"


def test_a_changed_file_and_another_schema_are_told(tmp_path):
    Dataset((example(),)).write(tmp_path / "data")
    examples = tmp_path / "data" / "examples.jsonl"
    examples.write_bytes(examples.read_bytes() * 2)
    with pytest.raises(InputError, match="it was changed since"):
        Dataset.read(tmp_path / "data")
    about = tmp_path / "data" / "data.json"
    about.write_text(about.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(InputError, match="this version reads 1"):
        Dataset.read(tmp_path / "data")
    with pytest.raises(InputError, match="name a folder that diagnose collect wrote"):
        Dataset.read(tmp_path / "nowhere")
