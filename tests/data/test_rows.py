"""Rows of public data sets: every layout says what it holds, and nothing else passes in silence."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diagnose.cli.configure import CONF
from diagnose.cli.main import main
from diagnose.errors import InputError
from diagnose.training.dataset import Dataset
from diagnose.training.rows import converted


def asked(text):
    return [{"role": "user", "content": text}]


def said(text):
    return [{"role": "assistant", "content": text}]


# By layout: a prompt, an answer and a worse one as a row of the published files, extra columns too.
LAYOUTS = {
    "numina": lambda p, a, _: {
        "source": "olympiads", "problem": "other", "solution": "other",
        "messages": asked(p) + said(a),
    },
    "numina_bare": lambda p, a, _: {"source": "olympiads", "problem": p, "solution": a},
    "alpaca": lambda p, a, _: {"instruction": p, "input": "", "output": a},
    "metamath": lambda p, a, _: {
        "type": "MATH_FOBAR", "original_question": "other", "query": p, "response": a,
    },
    "beaver_0": lambda p, a, w: {
        "prompt": p, "response_0": a, "response_1": w, "is_response_0_safe": True,
        "better_response_id": 0, "safer_response_id": 1,
    },
    "beaver_1": lambda p, a, w: {
        "prompt": p, "response_0": w, "response_1": a, "is_response_0_safe": True,
        "better_response_id": 1, "safer_response_id": 0,
    },
    "ultrafeedback": lambda p, a, w: {
        "prompt": p, "chosen": asked(p) + said(a), "rejected": asked(p) + said(w),
        "score_chosen": 8.5,
    },
    "chosen": lambda p, a, w: {"prompt": p, "chosen": a, "rejected": w},
}  # fmt: skip
PREFERENCES = {"beaver_0", "beaver_1", "ultrafeedback", "chosen"}


def written(place: Path, rows, ending=".jsonl"):
    path = place / f"set{ending}"
    if ending == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif ending == ".json":
        path.write_text(json.dumps(rows))
    else:
        pd.DataFrame(rows).to_parquet(path)
    return path


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<[\x00"), max_size=30)


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".parquet"])
@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(words, words, words), min_size=2, max_size=8), st.integers(0, 99))
def test_what_rows_say_is_what_the_folder_holds(tmp_path, layout, ending, texts, seed):
    # A number and a word apart, so that no text is empty and none is another's.
    three = [(f"{n}p{p}", f"{n}a{a}", f"{n}w{w}") for n, (p, a, w) in enumerate(texts)]
    path = written(tmp_path, [LAYOUTS[layout](*one) for one in three], ending)
    data = converted([path], 0.3, seed)
    data.write(tmp_path / "data")
    again = Dataset.read(tmp_path / "data")
    assert again.every_example == data.every_example
    assert again.about["left_out"] == {}
    assert [one.source.run for one in again.every_example] == list(range(len(three)))
    assert [list(one.messages) for one in again.every_example] == [
        asked(p) + said(a) for p, a, _ in three
    ]
    pairs = [(list(o.prompt), list(o.chosen), list(o.rejected)) for o in again.every_pair]
    wanted = [(asked(p), said(a), said(w)) for p, a, w in three] if layout in PREFERENCES else []
    assert pairs == wanted
    count = max(1, int(0.3 * len(three) + 0.5))
    assert len(again.examples("validation")) == count
    assert converted([path], 0.3, seed) == data


def test_an_instruction_s_input_stands_under_it(tmp_path):
    row = {"instruction": "Add.", "input": "1, 2", "output": "3"}
    data = converted([written(tmp_path, [row])])
    assert data.every_example[0].messages[0]["content"] == "Add.\n\n1, 2"


def test_rows_with_one_prompt_are_in_one_split_and_the_safer_answer_can_be_the_better(tmp_path):
    rows = [LAYOUTS["beaver_0"](f"p{n % 5}", f"a{n}", f"w{n}") for n in range(20)]
    data = converted([written(tmp_path, rows)], 0.4, 3, "safer_response_id")
    assert [one.chosen[0]["content"] for one in data.every_pair] == [f"w{n}" for n in range(20)]
    splits = {}
    for one in data.every_pair:
        splits.setdefault(one.prompt[0]["content"], set()).add(one.split)
    assert sorted(map(len, splits.values())) == [1] * 5
    assert sum(one == {"validation"} for one in splits.values()) == 2


def test_what_cannot_be_learnt_from_is_left_out_and_counted(tmp_path):
    good = {"query": "1 + 1?", "response": "2"}
    chat = asked("p") + said("a")
    rows = [good, {**good, "query": "1 + 1?  "}, {**good, "response": " "},
            {**good, "response": "<|im_end|>"}]  # fmt: skip
    plain = converted([written(tmp_path, rows)])
    assert plain.about["left_out"] == {
        "it holds marks of a chat template": 1, "it says what another one says": 1,
        "a text is empty": 1,
    }  # fmt: skip
    assert len(plain.every_example) == 1
    chats = converted([written(tmp_path, [{"messages": chat}, {"messages": chat[:1]}])])
    assert chats.about["left_out"] == {"it does not go to and fro": 1}
    pairs = [LAYOUTS["chosen"]("p", "a", "w"), LAYOUTS["chosen"]("p", "a", "a")]
    assert converted([written(tmp_path, pairs)]).about["left_out"] == {
        "both answers are the same": 1
    }


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "it has no rows"),
        ([{"question": "a", "answer": "b"}],
         r"set\.jsonl: received \['answer', 'question'\].*no known layout.*query, response"),
        ([{"query": "a", "response": 3}], "row 1: response: received '3'; give a text"),
        ([{"query": "a", "response": None}], "row 1: response: received 'None'"),
        ([{"query": "a", "response": "b"}, {"query": "a"}], r"row 2.*its first row has response"),
        ([LAYOUTS["beaver_0"]("p", "a", "w") | {"better_response_id": 2}], "'2'; give 0 or 1"),
        ([{"chosen": "a", "rejected": "b"}], "row 1: prompt: received 'None'; give a text"),
        ([{"chosen": asked("p") + said("a"), "rejected": asked("q") + said("b")}],
         "differ in their last message alone"),
        ([{"messages": "text"}], "row 1: messages: received .*text.*; give a list of messages"),
        ([{"messages": [{"role": "bot", "content": "a"}]}], "a role is one of"),
        ([{"query": "a", "response": ""}], "no row is left.*a text is empty: 1"),
        (["text"], "row 1: received .*text.*; give an object"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named(tmp_path, rows, told):
    with pytest.raises(InputError, match=told):
        converted([written(tmp_path, rows)])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "query", "give a file of .jsonl, .json, .parquet"),
        ("a.jsonl", "{", "it cannot be read"),
        ("a.json", "{}", "one list of rows"),
        ("a.parquet", "no parquet", "it cannot be read"),
        ("a.jsonl", None, "it cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, name, content, told):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=told):
        converted([tmp_path / name])


def test_the_command_takes_rows_and_refuses_what_is_of_studies(tmp_path, capsys):
    rows = [LAYOUTS["alpaca"](f"p{n}", f"a{n}", "") for n in range(10)]
    path, out = str(written(tmp_path, rows)), str(tmp_path / "data")
    assert main(["collect", "--rows", path, "--validation", "0.2", "-o", out]) == 0
    assert capsys.readouterr().out.strip() == out
    assert len(Dataset.read(out).examples("validation")) == 2
    assert json.loads((tmp_path / "data" / "data.json").read_text())["rows"][0]["rows"] == 10
    for more in (["--gold"], ["--corrupt", "0.5"], ["--hold-out", "C"]):
        assert main(["collect", "--rows", path, "-o", out, *more]) == 2
        assert "leave it out beside --rows" in capsys.readouterr().err


def test_every_recipe_on_a_public_set_says_how_its_rows_come_in():
    for path in (CONF / "recipe").glob("*.yaml"):
        text = path.read_text()
        if yaml.safe_load(text)["kinds"] == ["corpus"]:
            assert "diagnose collect --rows" in text, path.name
