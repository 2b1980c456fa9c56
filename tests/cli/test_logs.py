"""Pages and logs as a person asks for them."""

import json
import sys
from dataclasses import replace

import pytest

from diagnose.cli import main
from diagnose.cli.ending import spent
from diagnose.ledger import read_records
from diagnose.records import Usage
from tests.logs.played import played
from tests.study import fake


@pytest.fixture
def study(tmp_path):
    """A study's folder with two played episodes and one that was not observed."""
    passed = played()
    failed = replace(
        played("```python\nverify()\n```"), run=0, cell="00", episode_id="f" * 20, model="m"
    )
    missing = replace(
        failed,
        outcome="not_observed",
        stop_reason="not_observed",
        success=None,
        missing_cause="quota: none left",
        run=1,
        episode_id="e" * 20,
        transcript=(),
        verdict=None,
    )
    lines = [one.to_line() for one in (passed, failed, missing)]
    (tmp_path / "episodes.jsonl").write_text("".join(lines), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("chosen", "outcome"),
    [
        (["0123"], "passed"),
        (["--cell", "11", "--task", "A-L1", "--run", "2"], "passed"),
        (["--run", "0"], "failed"),
        (["--outcome", "not_observed"], "not observed"),
    ],
)
def test_show_writes_the_chosen_episode_s_page(study, chosen, outcome, capsys):
    assert main(["show", str(study), *chosen]) == 0
    (written,) = (study / "pages").iterdir()
    assert capsys.readouterr().out == f"{written}\n"
    assert f": {outcome}</title>" in written.read_text()
    assert main(["show", str(study / "episodes.jsonl"), *chosen, "-o", str(study / "p.html")]) == 0
    assert (study / "p.html").read_bytes() == written.read_bytes()


def test_show_all_writes_a_page_each_and_links_them(study, capsys):
    assert main(["show", str(study), "--all", "--no-pictures"]) == 0
    index = study / "pages" / "index.html"
    assert capsys.readouterr().out == f"{index}\n"
    pages = {page.name for page in index.parent.iterdir()} - {"index.html"}
    assert len(pages) == 3
    told = index.read_text()
    assert all(f'href="{page}"' in told for page in pages)
    assert all('href="index.html"' in (index.parent / page).read_text() for page in pages)
    assert main(["show", str(study), "--all", "--cell", "00", "-o", str(study / "some")]) == 0
    assert len(list((study / "some").iterdir())) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "choose one (--task A-L1 --run 0 --cell 00; "),
        (["9999"], "no episode's id begins so"),
        (["--task", "C-L3"], "no episode of it is the one asked for"),
        (["0123", "-o", "."], "is a folder"),
        (["--all", "-o", "episodes.jsonl"], "is a file"),
    ],
)
def test_show_refuses_in_one_message(study, arguments, said, capsys, monkeypatch):
    monkeypatch.chdir(study)
    assert main(["show", str(study), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (study / "pages").exists()
    assert main(["show", str(study / "nowhere")]) == 2


def test_chat_lines_are_the_conversations(study, capsys):
    assert main(["logs", str(study), "--to", "chat"]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{study / 'chat.jsonl'}\n"
    assert shown.err == "1 episodes have no transcript and are left out\n"
    lines = [json.loads(line) for line in (study / "chat.jsonl").read_text().splitlines()]
    assert [line["metadata"]["outcome"] for line in lines] == ["failed", "passed"]
    assert (
        main(["logs", str(study), "--to", "chat", "--outcome", "passed", "-o", str(study / "x")])
        == 0
    )
    assert len((study / "x").read_text().splitlines()) == 1


def test_without_the_extra_its_name_is_said(study, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "inspect_ai", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "diagnose.logs.inspect_eval", raising=False)
    assert main(["logs", str(study), "--to", "eval"]) == 2
    assert 'pip install "scicrafter-diagnose[inspect]"' in capsys.readouterr().err


def test_the_summary_counts_cost_tokens_and_causes(study):
    told = spent(read_records(study))
    assert told.startswith(
        "Used: 0 tokens in, 0 out, $0.00\nNot observed: 1 of 3 episodes (quota 1)"
    )
    plans = fake.plans(tasks=1, runs=1)
    records = [
        replace(fake.record(plan), usage=Usage(input_tokens=10, output_tokens=1, cost_usd=n / 2))
        for n, plan in enumerate(plans)
    ]
    records[0] = replace(records[0], outcome="not_observed", missing_cause="worker_died: signal 9")
    records[1] = replace(records[1], outcome="not_observed", missing_cause="worker_died")
    told = spent(records)
    assert told.startswith("Used: 60 tokens in, 6 out, $7.50 ($0.00 to $2.50 a cell)\n")
    assert "2 of 6 episodes (worker_died 2), in cells" in told
    assert f"{records[0].cell} 1" in told
