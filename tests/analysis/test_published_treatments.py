"""The published treatments: read and checked, and the page and figure that are made of them."""

import csv
import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from scipy.stats import binomtest, norm

from analysis.figures.published_treatments import treatments
from analysis.figures.theme import DARK
from analysis.published.treatments import derived, facts, load_facts, load_gains, load_questions
from analysis.published.treatments.page import page
from analysis.published.treatments.tables import tables
from diagnose.errors import InputError
from tests.analysis.test_figure_style import whole_and_apart, written

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = DOCS / "published_treatments.md"


@pytest.fixture(scope="module")
def printed() -> pd.DataFrame:
    return load_facts()


@pytest.fixture(scope="module")
def questions() -> dict[str, int]:
    return load_questions()


def test_the_printed_numbers_are_kept_as_they_are(printed: pd.DataFrame) -> None:
    """Of each table as many numbers as it has, each with its text."""
    of_dft = printed[printed["paper"] == "arXiv:2508.05629"]
    rows = of_dft.groupby("place").size().to_dict()
    assert rows == {
        "Table 1": 90, "Table 2": 36, "Table 5": 24, "Table 6": 30, "Table 7": 24, "Table 8": 18,
        "Table 9": 36, "Section 4.5": 3,
    }  # fmt: skip
    assert printed["printed"].astype(float).equals(printed["value"])
    with (facts.FOLDER / "dft.csv").open(encoding="utf-8", newline="") as handle:
        texts = [row["value"] for row in csv.DictReader(handle)]
    assert of_dft["printed"].tolist() == texts


def test_averages_are_the_mean_but_for_the_three_that_are_named(printed: pd.DataFrame) -> None:
    """A digit that was copied wrong would be a fourth."""
    wide = derived.maths(printed)
    off = derived.departures(wide)
    assert len(wide) == 43
    named = off[["place", "model", "method"]].to_numpy().tolist()
    assert named == [
        ["Table 9", "LLaMA-3.2-3B", "SFT"],
        ["Table 9", "Qwen2.5-Math-1.5B", "SFT"],
        ["Table 9", "Qwen2.5-Math-1.5B", "DFT"],
    ]
    assert (off["printed"] - off["mean"]).tolist() == pytest.approx([0.404, 0.398, 0.4])
    wide.loc[0, "AMC23"] += 0.1
    assert len(derived.departures(wide)) == 4


def test_the_gains_that_the_text_names_follow_from_its_table(
    printed: pd.DataFrame, questions: dict[str, int]
) -> None:
    gained = derived.gains(derived.maths(printed), "Table 1", questions).set_index("model")
    said = load_gains().set_index("model")
    assert set(said.index) == set(gained.index)
    for model, row in said.iterrows():
        assert f"{gained.loc[model, 'dft_gain']:.2f}" == row["dft_gain"]
        assert f"{gained.loc[model, 'sft_gain']:.2f}" == row["sft_gain"]
    followed = derived.times(gained.reset_index(), load_gains())
    assert followed[followed["follows"]]["model"].tolist() == ["LLaMA-3.1-8B"]


def test_limits_of_a_lead_are_those_of_unrelated_proportions() -> None:
    """Far from 0 and 1 and with many questions, MOVER's are the normal ones."""
    share, many = {"SFT": 40.0, "DFT": 60.0, "base": 20.0}, 10**6
    rows = [
        {"place": "T", "model": "m", "method": name, "setting": "s"}
        | dict.fromkeys([*facts.MATHS, facts.AVERAGE], value)
        for name, value in share.items()
    ]
    (row,) = derived.gains(pd.DataFrame(rows), "T", dict.fromkeys(facts.MATHS, many)).to_dict(
        "records"
    )
    assert (row["sft_gain"], row["dft_gain"], row["lead"]) == pytest.approx((20, 40, 20))
    half = 100 * norm.ppf(0.975) * (2 * 0.24 / (5 * many)) ** 0.5
    assert (row["high"] - 20, 20 - row["low"]) == pytest.approx((half, half), rel=1e-3)


@pytest.mark.parametrize(
    ("rate", "most", "wins"),
    [("0.443", 80, (35, 79)), ("0.463", 80, (37, 80)), ("0.5", 80, (40, 80)), ("1.0", 7, (7, 7))],
)
def test_a_rate_is_of_the_most_questions_it_can_be_a_count_of(rate, most, wins) -> None:
    assert derived.counts_of(rate, most) == wins


def test_a_rate_that_no_count_gives_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.443 is no rate of 5"):
        derived.counts_of("0.443", 5)


def test_no_win_rate_is_told_from_one_half(
    printed: pd.DataFrame, questions: dict[str, int]
) -> None:
    rates = derived.win_rates(printed, questions)
    assert len(rates) == 4
    for row in rates.to_dict("records"):
        exact = binomtest(row["wins"], row["questions"]).proportion_ci(method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((exact.low, exact.high))
        assert row["low"] < 0.5 < row["high"]


def test_parameters_are_those_of_llama_7b(printed: pd.DataFrame, questions: dict[str, int]) -> None:
    own = printed[printed["metric"] == "trained parameters"]
    counted = {derived.tokens(row.method): int(row.value) for row in own.itertuples()}
    assert set(counted) == {1, 10, 100, 300}
    for number, published in counted.items():
        assert derived.parameters(number) == number * 4096 + (32 - 2) * 32 == published
    solved = derived.solved(printed, questions).set_index("method")
    assert solved.loc["Aligner-1", "per_point"] == pytest.approx(5056 / 5)
    assert solved["per_point"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("file", "was", "becomes", "said"),
    [
        ("dft.csv", "31.58,percent", "x,percent", r"dft\.csv, row 72: value: received 'x'"),
        ("dft.csv", "31.58,percent", "131.58,percent", r"'131\.58'; give percent from 0 to 100"),
        ("dft.csv", "31.58,percent", "nan,percent", "'nan'; give a finite number"),
        ("dft.csv", "31.58,percent", ",percent", "value: received ''"),
        ("dft.csv", "31.58,percent", "31.58,points", r"unit: received 'points'; choose one of per"),
        (
            "dft.csv",
            "arXiv:2508.05629,Table 1,L",
            "arXiv:2,Table 1,L",
            r"row 1: paper: .*'arXiv:2'",
        ),
        ("dft.csv", "value,unit", "worth,unit", r"dft\.csv: columns: .*the columns are paper"),
        ("aligner.csv", "Aligner-10,against LoRA", "Aligner-1,against LoRA", "it is there already"),
        ("aligner.csv", "0.443", "44.3", "give share from 0 to 1"),
        ("aligner.csv", "5056", "0", "give parameters from 1"),
        ("questions.csv", "AMC23,40", "AMC23,0", r"questions\.csv, row 5: questions: received '0'"),
        ("questions.csv", "AMC23,40", "AIME24,40", "it is there already"),
        ("dft_text.csv", "15.66", "more", "dft_gain: received 'more'; give a number"),
    ],
)
def test_a_bad_file_is_named_with_its_column_and_value(
    tmp_path: Path, file: str, was: str, becomes: str, said: str
) -> None:
    folder = Path(shutil.copytree(facts.FOLDER, tmp_path / "own"))
    text = (folder / file).read_text(encoding="utf-8")
    assert was in text
    (folder / file).write_text(text.replace(was, becomes, 1), encoding="utf-8")

    def read() -> None:
        load_facts(folder)
        load_questions(folder)
        load_gains(folder)

    with pytest.raises(InputError, match=said):
        read()


def test_a_folder_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"give one that holds dft\.csv"):
        load_facts(tmp_path)


def test_the_page_is_what_the_numbers_make(
    printed: pd.DataFrame, questions: dict[str, int]
) -> None:
    """Run tools/treatments_page.py where it is not."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(printed, questions) == text
    for made in tables(printed, questions).values():
        assert made.rows
        assert made.markdown() in text


def test_the_page_s_pictures_and_links_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    targets = {one for one in re.findall(r"\]\(([^)]+)\)", text) if not one.startswith("https://")}
    assert {"loop.md", "training.md", "paper/treatments.png"} <= targets
    assert all((DOCS / one).exists() for one in targets)
    for name in ("training.md", "aligner.md"):
        assert "(published_treatments.md" in (DOCS / name).read_text(encoding="utf-8")


def test_the_command_writes_page_and_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("page", ROOT / "tools" / "treatments_page.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, "DOCS", tmp_path)
    (tmp_path / "paper").mkdir()
    tool.main()
    assert (tmp_path / PAGE.name).read_bytes() == PAGE.read_bytes()
    names = sorted(path.name for path in (tmp_path / "paper").iterdir())
    assert names == ["treatments.png", "treatments_dark.png"]
    for name in names:  # machines may smooth an edge in another way, and no more than that
        own, kept = (
            np.asarray(Image.open(folder / "paper" / name).convert("L"), int)
            for folder in (tmp_path, DOCS)
        )
        assert own.shape == kept.shape
        assert (abs(own - kept) > 64).sum() < 20


def test_the_figure_shows_the_numbers_with_texts_whole_and_apart(
    printed: pd.DataFrame, questions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = treatments(printed, questions)
    left, right = drawn.figure.axes
    maths = drawn.frame[drawn.frame["panel"] == "maths"]
    assert [bar.get_width() for bar in left.patches] == maths["value"].tolist()
    assert len(maths) == 15
    gsm8k = drawn.frame[drawn.frame["tokens"] > 0]
    line = right.lines[-2]  # the last but the one at LoRA's height
    assert line.get_xdata().tolist() == gsm8k["tokens"].tolist() == [1, 10, 100, 300]
    assert line.get_ydata().tolist() == gsm8k["value"].tolist()
    assert list(right.lines[-1].get_ydata()) == [35.5, 35.5]
    FigureCanvasAgg(drawn.figure)
    whole_and_apart(drawn.figure, written(drawn.figure, monkeypatch))
    assert drawn.themed("dark").theme == DARK.name
