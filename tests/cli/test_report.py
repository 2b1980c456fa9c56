"""``diagnose report``: what is gathered from a study's folder, and where the report goes."""

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from PIL import Image

from diagnose.cli import commands, main
from diagnose.cli.gathered import gathered
from diagnose.ledger import read_records
from diagnose.records import EpisodeRecord, Usage
from tests.analysis.studies import record, table
from tests.logs.played import played

ROOT = Path(__file__).parents[2]
BUTTON = '[4, 1, 4, "stone_button[face=floor]"]'


def failed(lamps: int, run: int, *, apart: int = 2) -> EpisodeRecord:
    """A device of lamps that nothing reaches, or that touch."""
    blocks = [f'[{9 + apart * at}, 1, 9, "redstone_lamp"]' for at in range(lamps)]
    built = ", ".join([BUTTON, *blocks])
    program = f"```python\nbuild([{built}])\nverify()\n```"
    one = played(program, run=run, episode_id=f"{run:020d}")
    assert one.success is False
    assert one.causes
    return one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven episodes: one passed, four failed, one seen at the second attempt, one never."""
    lost = replace(
        played(), run=8, episode_id="e" * 20, outcome="not_observed", success=None,
        stop_reason="not_observed", missing_cause="quota: none left", verdict=None, circuit=None,
    )  # fmt: skip
    again = failed(4, 7)
    first = replace(lost, run=7, episode_id=again.episode_id)
    paid = replace(played(), usage=replace(played().usage, cost_usd=0.5))
    touching = failed(4, 6, apart=1)
    records = [first, paid, failed(5, 3), failed(6, 4), failed(3, 5), touching, again, lost]
    made = tmp_path_factory.mktemp("made") / "study-0123"
    made.mkdir()
    (made / "episodes.jsonl").write_text("".join(one.to_line() for one in records))
    seconds = [json.dumps({"episode_id": paid.episode_id, "seconds": 2.5}), "{torn"]
    (made / "timings.jsonl").write_text("\n".join(seconds))
    return made


def test_what_episodes_used_is_summed_over_those_that_count(folder: Path) -> None:
    found = gathered(folder, pictures=False)
    own = list(read_records(folder))
    (use,) = found.uses
    assert use.cell == "11"
    assert use.episodes == len(own) == 7
    for name in ("turns", "trials"):
        assert getattr(use, name) == sum(getattr(one.usage, name) for one in own)
    assert use.tokens_in == sum(one.usage.input_tokens for one in own)
    assert use.calls == sum(len(one.calls) or one.usage.turns for one in own)
    assert (use.usd, use.seconds, use.timed) == (0.5, 2.5, 1)
    assert use.ends == Counter(one.stop_reason for one in own)
    assert found.retried == 1
    assert dict(found.versions)["engine"] == own[0].versions["engine"]


def test_what_a_fork_inherited_is_not_used_again(tmp_path: Path) -> None:
    before = Usage(turns=3, trials=2, input_tokens=1000, output_tokens=100, cost_usd=0.25)
    texts = ("source", "study", "at", "arm", "snapshot_sha256", "messages_sha256")
    fork = {**dict.fromkeys(texts, "x"), "turn": 3, "inherited": asdict(before)}
    used = Usage(turns=5, trials=3, input_tokens=1600, output_tokens=170, cost_usd=0.375)
    call = {"agent": "main", "number": 1, "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.0}
    one = record(usage=used, fork=fork, calls=(call,) * 5)
    (tmp_path / "episodes.jsonl").write_text(one.to_line())
    (use,) = gathered(tmp_path, pictures=False).uses
    assert (use.turns, use.trials, use.calls) == (2, 1, 2)
    assert (use.tokens_in, use.tokens_out, use.usd) == (600, 70, 0.125)


def test_the_smallest_failed_device_of_each_cause_is_drawn(folder: Path) -> None:
    found = gathered(folder, pictures=True)
    sizes: dict[str, list[int]] = {}
    for one in read_records(folder):
        if one.success is False and one.circuit:
            sizes.setdefault(one.causes[0]["cause"], []).append(len(one.circuit["blocks"]))
    assert len(sizes) > 1
    drawn = [(one.cause, one.blocks) for one in found.examples]
    ranked = sorted(sizes, key=lambda cause: (-len(sizes[cause]), cause))
    assert drawn == [(cause, min(sizes[cause])) for cause in ranked]
    for one in found.examples:
        with Image.open(io.BytesIO(one.png)) as image:
            assert image.format == "PNG"
        assert main(one.command.split()[1:]) == 0  # the episode's page is written
    assert not any(one.png for one in gathered(folder, pictures=False).examples)


def test_the_order_of_the_records_does_not_matter(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "episodes.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "episodes.jsonl").write_text("".join([lines[0], *lines[:0:-1]]))
    (tmp_path / "timings.jsonl").write_bytes((folder / "timings.jsonl").read_bytes())
    first, second = (gathered(one, pictures=False) for one in (folder, tmp_path))
    commands_differ = [replace(one, command="") for one in second.examples]
    assert replace(second, name=first.name, examples=()) == replace(first, examples=())
    assert commands_differ == [replace(one, command="") for one in first.examples]


def test_records_without_a_device_or_of_another_version_are_not_drawn(tmp_path: Path) -> None:
    causes = (
        {
            "cause": "of_tomorrow",
            "law": "",
            "capacity_by_convention": "luck",
            "stage": "",
            "lamps": 0,
        },
    )
    one = record(success=False, outcome="failed", stop_reason="turns", causes=causes)
    odd = replace(one, circuit={"blocks": [[1, 1, 1, "nothing"]]}, usage=Usage(turns=3))
    bare = replace(one, run=1, episode_id="x")
    (tmp_path / "episodes.jsonl").write_text(odd.to_line() + bare.to_line())
    found = gathered(tmp_path, pictures=True)
    (drawn,) = found.examples
    assert (drawn.cause, drawn.capacity, drawn.png, drawn.moment) == (
        "of_tomorrow",
        "luck",
        b"",
        "",
    )
    assert found.uses[0].calls == 3
    assert found.commands == ()


def test_the_report_is_written_beside_its_source(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "my_runs.csv"
    table(lambda _t, cell: 0.2 + 0.3 * cell[0], runs=2).to_csv(own, index=False)
    assert main(["report", str(own)]) == 0
    page = tmp_path / "my_runs" / "report" / "report.html"
    assert capsys.readouterr().out == f"{page}\n"
    assert f"diagnose report {own}" in page.read_text()
    assert main(["report", str(own), "--target", "fixed", "--out", str(tmp_path / "x")]) == 0
    assert "--target fixed" in (tmp_path / "x" / "report.md").read_text()
    assert main(["report", str(folder / "episodes.jsonl"), "--quick"]) == 0
    assert (folder / "report" / "report.html").is_file()
    assert main(["report", str(own), "--out", str(own)]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "absent.csv")]) == 2


def test_the_same_command_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert main(["report", str(folder), "--out", str(tmp_path / name)]) == 0
    for first in (path for path in (tmp_path / "a").rglob("*") if path.is_file()):
        second = tmp_path / "b" / first.relative_to(tmp_path / "a")
        assert first.read_bytes() == second.read_bytes()


def test_commands_are_noted_once_and_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "known-to-the-environment")
    given = ["study.runs=2", "subject.extra.api_key=abc", "note=it is known-to-the-environment"]
    for _ in range(2):
        commands.note(tmp_path, given)
    commands.note(tmp_path, ["study.runs=2"])
    assert commands.noted(tmp_path) == [
        "diagnose run study.runs=2 'subject.extra.api_key=[secret]' 'note=it is [secret]'",
        "diagnose run study.runs=2",
    ]
    assert commands.noted(tmp_path / "nowhere") == []


def test_a_study_ends_with_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["experiment=smoke", "study.tasks=[A-L1]", "study.runs=1", f"study.folder={tmp_path}"]
    assert main(["run", *given]) == 0
    (made,) = tmp_path.iterdir()
    page = made / "report" / "report.html"
    assert f"\nReport: {page}; with" in capsys.readouterr().out
    text = page.read_text()
    assert "diagnose run experiment=smoke &#39;study.tasks=[A-L1]&#39; study.runs=1" in text
    assert "Every one of the 16 planned episodes was run." in text


@pytest.mark.slow
def test_the_commands_of_the_report_s_page_run(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```bash\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    for command in block.splitlines():
        line = command.replace(".venv/bin/diagnose", f"{shlex.quote(sys.executable)} -m diagnose")
        done = subprocess.run(
            ["sh", "-c", line],  # the shell expands the wildcard
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    (study,) = (tmp_path / "studies").iterdir()
    named = set(re.findall(r"^\| `([\w./]+)` \|", page, flags=re.MULTILINE))
    assert {name.rstrip("/") for name in named} | {"figures"} == {
        path.name for path in (study / "report").iterdir()
    }
    assert list((tmp_path / "fixed" / "figures").glob("device_*.png"))
    assert (tmp_path / "tables" / "gaps_shapley.tex").is_file()
