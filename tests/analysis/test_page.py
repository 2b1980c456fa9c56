"""A report's page: nothing runs or loads, what is said is what was estimated and recorded."""

import base64
import hashlib
import io
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from analysis.report import findings
from analysis.report.blocks import Report
from analysis.report.compose import built, tables_of, write
from analysis.report.findings import p_value
from analysis.report.page import html
from analysis.report.recorded import CellUse, Example, Made, Recorded
from analysis.report.rows import interval, pp
from analysis.study import Study
from tests.analysis.studies import CODES, TASKS, study, table
from tests.logs.reading import Page

MADE = Made("diagnose report my_runs.csv", (("python", "3.99"),))
HOSTILE = "<script>alert(1)</script>\"' onerror=alert(1)|a*b_[x](javascript:1)`\u202e&amp;\\"
HALF = "\ud800"  # of a surrogate pair: JSON can bring it, no encoding takes it
LOADS = {"script", "iframe", "object", "embed", "link", "base", "form", "video", "audio", "svg"}


def rate(task: str, cell: tuple[int, ...]) -> float:
    return 0.3 - 0.05 * int(task[3:]) + 0.2 * cell[0] + 0.05 * cell[1] + 0.3 * cell[3]


def with_missing(**options: object) -> pd.DataFrame:
    raw = table(rate, runs=4, **options).astype({"success": float}).assign(missing_cause="")
    lost = np.random.default_rng(1).choice(len(raw), 60, replace=False)
    raw.loc[lost, "success"] = np.nan
    raw.loc[lost[:40], "missing_cause"] = "rate_limit: 429, try later"
    raw.loc[lost[40:50], "missing_cause"] = "worker_died"
    return raw


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 3), "#123456").save(stream, "PNG")
    return stream.getvalue()


def recorded(**changes: object) -> Recorded:
    values: dict[str, object] = {
        "name": "study-0123",
        "settings": (("design", "full_factorial"),),
        "uses": (
            CellUse("0000", 3, 7, 6, 2, 1000, 200, 0.25, 5400.0, 2, {"verified": 1, "turns": 2}),
            CellUse("1111", 2, 5, 5, 1, 500, 100, 0.5, 1800.0, 2, {"verified": 2}),
        ),
        "retried": 4,
        "causes": {"signal_died": "the signal dies on a wire too long"},
        "examples": (example(),),
        "versions": (("engine", "nucleation 0"),),
        "commands": ("diagnose run experiment=smoke",),
    }
    return Recorded(**{**values, **changes})


def example(**changes: object) -> Example:
    values: dict[str, object] = {
        "cause": "signal_died",
        "sentence": "the signal dies on a wire too long",
        "law": "attenuation",
        "capacity": "discovery",
        "model": "m",
        "task": "A-L1",
        "run": 3,
        "cell": "0100",
        "blocks": 17,
        "moment": "drawn at t = 4 rt",
        "command": "diagnose show s --task A-L1 --run 3 --cell 0100",
        "png": png(),
    }
    return Example(**{**values, **changes})


def page_of(report: Report) -> Page:
    return Page(html(report))


def rows_of(page: str, title: str) -> list[list[str]]:
    """The cells of the table under a title, its head first."""
    part = page.partition(f"<h4>{title}</h4>")[2].partition("</table>")[0]
    assert part, title
    rows = re.findall(r"<tr>(.*?)</tr>", part, flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in rows]


def assert_inert(page: Page) -> None:
    assert not page.names & LOADS
    for _, attrs in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs)
    for name in ("src", "srcset", "href"):
        targets = [attrs[name] for _, attrs in page.tags if name in attrs]
        allowed = r"#[a-z]+" if name == "href" else r"data:image/(png|svg\+xml);base64,[\w+/=]+"
        assert all(re.fullmatch(allowed, str(target)) for target in targets)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    (policy,) = [attrs["content"] for tag, attrs in page.tags if "http-equiv" in attrs]
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    assert "url(" not in page.style
    assert "@import" not in page.style


def assert_whole(page: Page, pictures: int) -> None:
    """Links lead somewhere, ids are their elements' own, pictures are pictures."""
    ids = Counter(attrs["id"] for _, attrs in page.tags if "id" in attrs)
    assert set(ids.values()) == {1}
    links = [attrs["href"][1:] for tag, attrs in page.tags if tag == "a"]
    assert set(links) == set(ids)
    sources = [attrs.get("src") or attrs["srcset"] for tag, attrs in page.tags
               if tag in {"img", "source"}]  # fmt: skip
    assert len(sources) >= pictures
    for source in sources:
        kind, _, data = source.partition(";base64,")
        raw = base64.b64decode(data, validate=True)
        if kind == "data:image/png":
            Image.open(io.BytesIO(raw)).verify()
        else:
            assert ET.fromstring(raw).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.fixture(scope="module")
def missing() -> Study:
    return study(with_missing())


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not about figures need not wait for them."""
    monkeypatch.setattr(findings, "of_study", lambda _estimates, _only: {})


def test_a_table_s_page_is_whole_and_says_what_a_table_cannot_know(missing: Study) -> None:
    report = built(missing.estimates("new"), MADE)
    page = page_of(report)
    assert_inert(page)
    assert_whole(page, 2)
    text = " ".join(page.text.split())
    assert "What holds m back" in text
    for untold in (
        "Tokens, dollars, time and calls: a table of episodes does not carry this.",
        "Subject, scaffold and budgets: a table of episodes does not carry this.",
        "How episodes ended, and which were run again: a table",
        "Which versions and which command made the episodes: a table",
    ):
        assert untold in text
    assert "diagnose report my_runs.csv" in text
    # What the tables and the figures show is defined.
    shown = "cell ame ame_level shapley seq add1 loo ratio mlogor int sii".split()
    defined = [row[0].partition(":")[0] for row in rows_of(html(report), "Estimands shown")[1:]]
    assert sorted(defined) == sorted(shown)
    assert "3.99" in text


@pytest.mark.usefixtures("undrawn")
def test_gaps_on_the_page_are_the_estimates(missing: Study) -> None:
    estimates = missing.estimates("fixed")
    own = estimates.frame.set_index("estimand")
    text = html(built(estimates, MADE))
    for kind, title in (("shapley", "Shapley"), ("seq", "in sequence")):
        _, *rows = rows_of(text, f"Gaps by capacity: {title}")
        for _, factor, estimate, limits, *_ in rows:
            found = own.loc[f"{kind}:{factor}"]
            assert (estimate, limits) == (
                pp(found["estimate"]),
                interval(found["ci_low"], found["ci_high"]),
            )
    _, *rows = rows_of(text, "Success by cell")
    assert [row[0] for row in rows] == CODES
    for code, _, success, observed, lost in rows:
        found = own.loc[f"cell:{code}"]
        limits = interval(found["ci_low"], found["ci_high"])
        assert success == f"{100 * found['estimate']:.1f} {limits}"
        assert int(observed) == found["n_episodes"]
        assert int(lost) == found["n_missing"]
    _, *rows = rows_of(text, "Worst and best case")
    for factor, _, bounds, lost in rows:
        found = own.loc[f"shapley:{factor}"]
        assert bounds == f"{pp(found['manski_low'])} to {pp(found['manski_high'])}"
        assert lost == "60"
    _, *rows = rows_of(text, "Tests and their adjustment: Shapley")
    assert [row[2:] for row in rows] == [
        [
            p_value(own.loc[row[0], column]).replace("<", "&lt;")
            for column in ("p", "p_holm", "p_bh")
        ]
        for row in rows
    ]
    assert "Target: these 25 tasks, new runs" in text


@pytest.mark.usefixtures("undrawn")
def test_missing_episodes_are_counted_by_cell_and_by_the_cause_s_first_word() -> None:
    raw = with_missing()
    head, *rows = rows_of(
        html(built(study(raw).estimates("new"), MADE)), "Episodes not observed, by cell and cause"
    )
    assert head == ["cell", "rate_limit", "cause not recorded", "worker_died", "missing"]
    lost = raw[raw["success"].isna()]
    code = lost[[*raw.columns[5:9]]].astype(str).agg("".join, axis=1)
    for cell, limited, unnamed, died, total in rows[:-1]:
        own = lost["missing_cause"][code == cell]
        assert int(limited) == own.str.startswith("rate").sum()
        assert int(died) == (own == "worker_died").sum()
        assert int(unnamed) == (own == "").sum()
        assert int(total) == len(own)
    assert rows[-1] == ["all", "40", "10", "10", "60"]


@pytest.mark.usefixtures("undrawn")
def test_what_was_recorded_is_added_up() -> None:
    raw = table(rate, tasks=TASKS[:3], runs=2)
    text = html(built(study(raw).estimates("new"), MADE, recorded()))
    page = Page(text)
    assert_inert(page)
    assert_whole(page, 0)
    rows = rows_of(text, "What the episodes used, by cell")
    assert rows[-1] == ["all", "5", "12", "11", "3", "1,500", "300", "0.75", "7,200"]
    assert rows_of(text, "How episodes ended, by cell")[-1] == ["all", "5", "3", "2"]
    said = " ".join(page.text.split())
    assert "12 calls of the model, 1,500 tokens in, 300 out, $0.75, 2.0 hours" in said
    assert "4 of 5 episodes were timed" in said
    assert "4 episodes were run again" in said
    assert "diagnose run experiment=smoke" in said
    assert "study-0123: 16 cells, 3 tasks, 96 episodes" in said


@pytest.mark.usefixtures("undrawn")
def test_failures_are_counted_by_cause_and_by_cell_and_drawn() -> None:
    raw = table(rate, tasks=TASKS[:5], runs=4)
    failed = raw["success"] == 0
    kinds = [("signal_died", "attenuation", "discovery"), ("gap_in_wire", "", "application")]
    chosen = [kinds[n % 3 == 2] for n in range(len(raw))]
    for at, name in enumerate(("cause", "law", "capacity_by_convention")):
        raw[f"failure_{name}"] = [
            own[at] if f else "" for own, f in zip(chosen, failed, strict=True)
        ]
    text = html(built(study(raw).estimates("new"), MADE, recorded()))
    _, *rows = rows_of(text, "Causes of failure")
    count = Counter(raw.loc[failed, "failure_cause"])
    assert [(row[0], row[2], int(row[4])) for row in rows] == [
        ("signal_died", "attenuation", count["signal_died"]),
        ("gap_in_wire", "–", count["gap_in_wire"]),
    ]
    assert rows[0][1] == "the signal dies on a wire too long"
    assert sum(float(row[5]) for row in rows) == pytest.approx(100, abs=0.1)
    head, *rows = rows_of(text, "Failures by cell and the capacity they speak of")
    assert head[2:] == ["observed", "failed", "discovery", "application"]
    codes = raw[[*raw.columns[5:9]]].astype(str).agg("".join, axis=1)
    for cell, top, observed, lost, *split in rows:
        own = raw[codes == cell]
        causes = Counter(own["failure_cause"]) - Counter({"": len(own)})
        assert int(observed) == len(own)
        assert int(lost) == (own["success"] == 0).sum() == sum(map(int, split))
        assert (causes[top] if causes else 0) == max(causes.values(), default=0)
    said = " ".join(Page(text).text.split())
    assert (
        "It violates the law attenuation. By convention: discovery. A-L1, run 3, cell 0100" in said
    )
    assert "diagnose show s --task A-L1 --run 3 --cell 0100" in said


def hostile() -> Report:
    name = HOSTILE
    raw = with_missing(tasks=TASKS[:4])
    raw["task"] += name
    raw["family"] += name
    raw["model"] = name
    raw["missing_cause"] = [name if cause else "" for cause in raw["missing_cause"]]
    for column in ("cause", "law", "capacity_by_convention"):
        raw[f"failure_{column}"] = name
    name += HALF
    made = recorded(
        name=name,
        settings=((name, name),),
        causes={name: name},
        examples=(example(cause=name, sentence=name, law=name, model=name, command=name),),
        versions=((name, name),),
        commands=(name,),
    )
    return built(study(raw).estimates("new"), Made(name, ((name, name),)), made)


def test_names_from_outside_are_text_on_the_page(tmp_path: Path) -> None:
    report = hostile()
    page = page_of(report)
    assert_inert(page)
    assert_whole(page, 1)
    assert "<script>alert(1)</script>\"' onerror=alert(1)|a*b_[x](javascript:1)`" in page.text
    assert "\u202e" not in page.text  # a turn of the direction of writing is shown as a sign
    assert write(report, tmp_path / "made").read_text(encoding="utf-8") == html(report)
    names = {path.name for path in tmp_path.rglob("*")}
    assert all(re.fullmatch(r"[\w.-]+", name) for name in names)


@pytest.mark.usefixtures("undrawn")
def test_names_from_outside_are_text_in_markdown(tmp_path: Path) -> None:
    write(hostile(), tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    made = Page(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert made.names <= set("h1 h2 h3 p strong table thead tbody tr th td ul li img pre code "
                             "blockquote".split())  # fmt: skip
    assert all(
        re.fullmatch(r"figures/[\w.-]+", attrs["src"]) and (tmp_path / str(attrs["src"])).is_file()
        for tag, attrs in made.tags
        if tag == "img"
    )
    flat = "<script>alert(1)</script>\"' onerror=alert(1)|a*b_[x](javascript:1)`\ufffd&amp;\\"
    assert made.text.count(flat) > 10


def test_a_table_reads_the_same_in_every_format() -> None:
    raw = with_missing(tasks=TASKS[:4])
    raw["model"] = "a|b <c> \\d"
    for made in tables_of(study(raw).estimates("new")):
        page = Page(MarkdownIt("commonmark").enable("table").render(made.markdown()))
        wide = len(made.head) * (1 + len(made.rows))
        assert sum(tag in {"td", "th"} for tag, _ in page.tags) == wide
        for cell in (cell for row in made.rows for cell in row):
            assert " ".join(cell.split()) in " ".join(page.text.split())
        tex = made.latex()
        assert tex.count("{") == tex.count("}")
        body = tex.partition("\\midrule")[2].partition("\\bottomrule")[0]
        lines = [line for line in body.splitlines() if line.strip()]
        assert len(lines) == len(made.rows)
        for line in lines:
            assert len(re.findall(r"(?<!\\)&", line)) == len(made.head) - 1


@pytest.mark.usefixtures("undrawn")
def test_latex_takes_no_cell_for_an_argument_of_the_line_before() -> None:
    raw = pd.concat([table(rate, tasks=TASKS[:4], runs=2, model=name) for name in ("[x]", "*y")])
    made = {one.name: one for one in tables_of(study(raw).estimates("new"))}
    lines = made["gaps_by_model"].latex().splitlines()
    assert not [line for line in lines if re.match(r"\s*[\[*]", line)]
    assert {line.split("&")[0].strip() for line in lines} >= {"{}[x]", "{}*y"}


@pytest.mark.usefixtures("undrawn")
def test_models_whose_names_come_out_as_one_have_a_file_each(tmp_path: Path) -> None:
    raw = pd.concat([table(rate, tasks=TASKS[:4], runs=2, model=name) for name in ("a/b", "a-b")])
    report = built(study(raw).estimates("new"), MADE)
    write(report, tmp_path)
    names = [one.name for one in report.tables]
    assert len(set(names)) == len(names)
    assert len(list((tmp_path / "tables").glob("*.tex"))) == len(names)
    text = html(report)
    _, *rows = rows_of(text, "Gaps by model: Shapley")
    assert [row[0] for row in rows] == ["mean of the models", "a-b", "a/b"]
    assert "What holds two models back" in text


def test_the_same_episodes_give_the_same_bytes(tmp_path: Path) -> None:
    raw = with_missing(tasks=TASKS[:6])
    shuffled = raw.sample(frac=1, random_state=3)
    for name, own in (("a", raw), ("b", shuffled)):
        write(built(Study.load(own).estimates("new"), MADE, recorded()), tmp_path / name)
    first, second = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in files_in(tmp_path / name)}
        for name in ("a", "b")
    )
    assert len(first) > 20
    assert first == second


def files_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def test_p_values_in_words() -> None:
    assert [p_value(p) for p in (np.nan, 0.0004, 0.001, 0.0496, 1.0)] == [
        "–", "< 0.001", "0.001", "0.050", "1.000",
    ]  # fmt: skip
