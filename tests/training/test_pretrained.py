"""The benchmark on a pretrained model, on a tiny one: lessons, a row, the page from rows."""

import csv
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from benchmarks.pretrained import __main__ as command
from benchmarks.pretrained import page, runs
from benchmarks.pretrained.lessons import (
    CAPITALS,
    DEMONSTRATIONS,
    FACTS,
    TEST,
    Question,
    encoded,
    facts,
    lesson,
)
from tests.training.gguf_file import write_gguf

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> runs.Base:
    place = tmp_path_factory.mktemp("pretrained")
    write_gguf(place / "tiny.gguf", layers=10)
    return runs.Base.read(place)


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_a_lesson_holds_its_questions_apart_and_so_many_wrong_answers(noise: float) -> None:
    made = lesson(3, noise, shown=True)
    asked = [{one.prompt for one in part} for part in made.values()]
    assert sum(map(len, asked)) == len(set.union(*asked)) == len(CAPITALS) - 1
    assert (len(made["train"]), len(made["test"])) == (DEMONSTRATIONS, TEST)
    right = [one.content == CAPITALS[_country(one)] for one in made["train"]]
    assert right.count(False) == round(noise * DEMONSTRATIONS)
    assert all(one.content == CAPITALS[_country(one)] for one in made["test"])
    assert all(one.answer == f" zeta {one.content} omega" for one in made["train"])


def _country(question: Question) -> str:
    (found,) = re.findall(r"Capital of (\w+):$", question.prompt)
    return str(found)


def test_facts_are_each_of_their_own() -> None:
    made = facts(0)["train"]
    assert len({one.prompt for one in made}) == len({one.content for one in made}) == FACTS


def test_targets_are_the_answer_and_the_end_of_its_line(base: runs.Base) -> None:
    for one, tokens in zip(
        facts(0)["train"], encoded(base.tokenizer, facts(0)["train"]), strict=True
    ):
        targets = [
            token
            for token, label in zip(tokens.input_ids, tokens.labels, strict=True)
            if label >= 0
        ]
        assert base.tokenizer.decode(targets) == f"{one.answer}\n"


@pytest.mark.parametrize(
    ("objective", "adapter", "teaches", "parameters"),
    [
        ("none", "none", "form", 0),
        ("dft", "lora-8", "form", 10 * 8 * ((32 + 32) + (32 + 16))),
        ("sft", "aligner-10", "facts", 10 * 32 + (10 - 2) * 4),
        ("sft", "lora-1 of 1", "facts", 32 + 16),
    ],
)
def test_a_row_tells_a_training_and_leaves_the_base_as_it_was(
    base: runs.Base, objective: str, adapter: str, teaches: str, parameters: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(runs, "FORM_STEPS", 3)
    monkeypatch.setattr(runs, "FACT_STEPS", 3)
    experiment = "dft" if teaches == "form" else "aligner"
    rate = 0.05 if parameters else 0.0
    setting = runs.Setting(experiment, teaches, False, 0.0, objective, adapter, rate, 0)
    before = {name: one.clone() for name, one in base.model.state_dict().items()}
    ids = torch.arange(3, 20)[None]
    said = base.model(ids).logits
    row = runs.trained(base, setting)
    assert row["parameters"] == parameters
    moved = row["nll_after"] != row["nll_before"]
    assert moved == bool(parameters)
    after = base.model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(one, after[name]) for name, one in before.items())
    assert torch.equal(base.model(ids).logits, said)


def test_scores_count_form_and_content_apart(
    base: runs.Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [" zeta Rome omega", " zeta Oslo omega", " Rome", " zeta Rome", " in zeta Rome omega"]
    monkeypatch.setattr(runs, "answers", lambda *_: said)
    asked = [Question("Capital of Italy:", " zeta Rome omega", "Rome")] * len(said)
    found = runs.scores(base, base.model, asked)
    assert found == {"questions": 5, "form": 2, "content": 4, "exact": 1}


def row(setting: runs.Setting, exact: int) -> dict[str, Any]:
    made: dict[str, Any] = {**asdict(setting), "parameters": 10, "steps": 30}
    made |= {"seconds_per_step": 1.0, "form_probability": 1e-8}
    for name in ("mean_token_probability", "share_below_0_1", "share_above_0_9", "nll"):
        made |= {f"{name}_before": 0.5, f"{name}_after": 0.25}
    for split, of in (("validation", 12), ("test", 48)):
        made |= {f"{split}_questions": of, f"{split}_form": exact, f"{split}_content": exact}
        made[f"{split}_exact"] = exact
    return made


def test_the_page_is_written_once_every_training_has_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The higher rate was better on validation everywhere: its scores are those of the page."""
    model, out = tmp_path / "model", tmp_path / "docs"
    model.mkdir()
    out.mkdir()
    (model / "any.gguf").write_bytes(b"weights")
    every = [row(one, 12 if one.rate in {2e-3, 2e-2} else 3) for one in runs.settings(1)]
    for part, rows in (("1-of-2", every[::2]), ("2-of-2", every[1::2])):
        with (out / f"pretrained.{part}.csv").open("w", newline="") as handle:
            writer = csv.DictWriter(handle, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    monkeypatch.setattr("sys.argv", ["pretrained", str(model), "--out", str(out)])
    command.main()
    assert [one.name for one in out.iterdir() if one.suffix == ".csv"] == ["pretrained.csv"]
    text = (out / "pretrained.md").read_text()
    assert len(command.rows_of(out).read()) == len(every)
    assert "| DFT | 40% | 25 [15, 39] |" in text
    assert "0.002 |" in text
    assert "0.0005 |" not in text
    assert text.count("| aligner-10 |") == 1
    command.main()
    assert (out / "pretrained.md").read_text() == text
    assert page.share(12, 48) == "25 [15, 39]"


def test_the_page_tells_its_rows() -> None:
    """But for what is the machine's and the file's, which are not here."""
    docs = Path(__file__).parents[2] / "docs"
    rows = pd.read_csv(docs / "pretrained.csv")
    assert len(rows) == len(list(runs.settings(1)))
    text = (docs / "pretrained.md").read_text(encoding="utf-8")
    best = page.chosen(rows)
    assert page.form_table(best) in text
    assert page.adapter_table(best) in text
