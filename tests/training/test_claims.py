"""The experiments on the papers' claims: their language, their measure, their choice of a rate."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.claims import __main__ as command
from benchmarks.claims import grid, page
from benchmarks.claims.learn import exact, fresh, log_probabilities, preferred
from benchmarks.claims.world import (
    EQUALS,
    FIRST,
    FORBIDDEN,
    Lines,
    asked,
    listed,
    plain,
    skill,
)
from benchmarks.trainings import Rows

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")


def draws() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize("form", [plain, listed])
def test_an_answer_holds_the_symbols_of_its_question_from_last_to_first(form):
    for tokens, answer in zip(*vars(skill(draws(), 50, form)).values(), strict=True):
        question = tokens[2 : tokens.tolist().index(EQUALS)].tolist()
        said = [token for token in tokens[answer].tolist() if token >= FIRST]
        assert said == question[::-1]


def test_noise_is_a_share_of_the_answers():
    clean, noisy = skill(draws(), 4000, plain), skill(draws(), 4000, plain, noise=0.4)
    assert clean.answer.sum() == noisy.answer.sum()
    wrong = sum(
        [token for token in row[kept].tolist() if token >= FIRST]
        != row[2 : row.tolist().index(EQUALS)].tolist()[::-1]
        for row, kept in zip(noisy.tokens, noisy.answer, strict=True)
    )
    assert wrong / 4000 == pytest.approx(0.4, abs=4 * (0.24 / 4000) ** 0.5)


@pytest.mark.parametrize("harm", [False, True])
def test_a_question_has_a_forbidden_symbol_just_where_it_is_to_be_refused(harm):
    for row in asked(draws(), 50, harm, refused=False).tokens:
        question = row[2 : row.tolist().index(EQUALS)]
        assert any(token < FIRST + FORBIDDEN for token in question) == harm


def test_exact_is_what_greedy_generation_says():
    model = fresh(0).eval()
    lines = skill(draws(), 20, plain)
    start = lines.tokens[0].tolist().index(EQUALS) + 1
    given = torch.from_numpy(lines.tokens[:, :start])
    said = model.generate(
        given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=5,
        min_new_tokens=5, pad_token_id=1, eos_token_id=None,
    )  # fmt: skip
    tokens = lines.tokens.copy()
    tokens[:, : said.shape[1]] = said.numpy()
    own = Lines(tokens, lines.answer)
    assert exact(model, own) == 1
    tokens[:5, start] = (tokens[:5, start] + 1) % 64
    assert exact(model, Lines(tokens, lines.answer)) <= 0.75


def test_preferences_move_what_is_preferred():
    model = fresh(0)
    chosen = asked(draws(), 64, harm=True, refused=True)
    rejected = asked(draws(), 64, harm=True, refused=False)

    def margin() -> float:
        with torch.no_grad():
            gap = log_probabilities(model, chosen) - log_probabilities(model, rejected)
        return float(gap.mean())

    before = margin()
    preferred(model, chosen, rejected, 1e-3, 5, draws())
    assert margin() > before + 1


def test_the_rate_is_chosen_on_validation_and_never_on_the_score():
    common = {"experiment": "dft", "teaches": "skill", "treatment": "dft", "form_share": 0.1,
              "noise": 0.0}  # fmt: skip
    rows = pd.DataFrame(
        [
            {**common, "rate": 1e-3, "seed": 0, "validation": 0.9, "score": 0.1},
            {**common, "rate": 1e-3, "seed": 1, "validation": 0.5, "score": 0.1},
            {**common, "rate": 3e-3, "seed": 0, "validation": 0.6, "score": 1.0},
            {**common, "rate": 3e-3, "seed": 1, "validation": 0.6, "score": 1.0},
        ]
    )
    assert grid.chosen(rows)["score"].tolist() == [0.1, 0.1]


def test_every_training_is_made_once_and_each_experiment_is_balanced():
    for experiment in grid.TREATMENTS:
        every = list(grid.settings(experiment, 2))
        rows = Rows(Path("none.csv"), grid.Setting)
        assert len({rows.key(asdict(one)) for one in every}) == len(every)
        counts = pd.DataFrame(map(asdict, every)).groupby(["treatment", "seed"]).size()
        assert counts.nunique() == 1


def test_a_run_goes_on_where_it_was_stopped_and_makes_its_page(tmp_path: Path, monkeypatch):
    whole = grid.trained
    monkeypatch.setattr(grid, "trained", lambda setting: whole(setting, 3, 2))
    monkeypatch.setattr(grid, "GRIDS", dict.fromkeys(grid.GRIDS, (1e-2,)))
    rows = tmp_path / "claims.csv"
    command.run(rows, ["aligner", "refuse"], 1, (1, 1))
    first = rows.read_text()
    assert len(first.splitlines()) == 1 + 5 * 2 + 4 * 2
    kept = "".join(first.splitlines(keepends=True)[:-3])
    rows.write_text(kept)
    command.run(rows, ["aligner", "refuse"], 1, (1, 1))
    assert rows.read_text() == first
    table = page.adapter_table(grid.chosen(pd.read_csv(rows)))
    assert table.rows[0][0] == "aligner-1"
    assert {row[1] for row in table.rows} >= {"56", "488"}  # N d + (L - 2) H


def test_the_page_tells_its_rows() -> None:
    docs = Path(__file__).parents[2] / "docs"
    rows = pd.read_csv(docs / "claims.csv")
    every = {name: sum(1 for _ in grid.settings(name, grid.SEEDS)) for name in grid.GRIDS}
    assert rows.groupby("experiment").size().to_dict() == every
    assert page.text(rows) in (docs / "claims.md").read_text(encoding="utf-8")
