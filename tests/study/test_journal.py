"""A study's log: whole lines, no secrets, and a study that no log can harm."""

import errno
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from diagnose import journal
from diagnose.cli.log_lines import log_lines
from diagnose.errors import ConfigError
from diagnose.journal import NAME, kept, lines, tell
from diagnose.ledger import canonical_lines
from tests.study import fake
from tests.study.runner import PLANS, VICTIM

ROOT = Path(__file__).parents[2]
LOG = logging.getLogger("diagnose.tests")


def logged(folder: Path) -> list[dict[str, object]]:
    return list(lines((folder / NAME).read_bytes()))


def run(folder: Path, fault: str, level: str = "info", code: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-W", "error", "-m", "tests.study.runner", str(folder), "2", fault]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "LOG": level},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stderr


def test_a_study_with_a_worker_that_died_is_told_event_by_event(tmp_path: Path) -> None:
    run(tmp_path / "s", "sigkill_once")
    said = logged(tmp_path / "s")
    count = Counter(str(line["event"]) for line in said)
    assert count["study_begun"] == count["study_ended"] == 1
    assert count["worker_died"] == count["episode_retried"] == 1
    assert count["episode_ended"] == len(PLANS)
    assert count["episode_begun"] == len(PLANS) + 1  # the one that was tried again
    ended = {str(line["episode_id"]): line for line in said if line["event"] == "episode_ended"}
    records = {json.loads(line)["episode_id"]: json.loads(line) for line in fake.expected(PLANS)}
    assert ended.keys() == records.keys()
    for identifier, line in ended.items():
        one = records[identifier]
        assert line["outcome"] == one["outcome"]
        assert line["cost_usd"] == one["usage"]["cost_usd"]
        assert [line[key] for key in ("task", "run", "cell")] == [
            one[key] for key in ("task", "run", "cell")
        ]
    (again,) = (line for line in said if line["event"] == "episode_retried")
    assert (again["cause"], again["episode_id"]) == ("worker_died", fake.identify(VICTIM))
    assert "SIGKILL" in str(again["detail"])
    (death,) = (line for line in said if line["event"] == "worker_died")
    assert death["level"] == "warning"
    assert death["worker"] == again["worker"] if "worker" in again else True


def test_the_log_changes_no_record(tmp_path: Path) -> None:
    run(tmp_path / "with", "none")
    run(tmp_path / "without", "none", "off")
    assert canonical_lines(tmp_path / "with") == canonical_lines(tmp_path / "without")
    assert not (tmp_path / "without" / NAME).exists()


def test_a_lost_episode_is_a_warning_with_its_cause(tmp_path: Path) -> None:
    run(tmp_path / "s", "quota", "warning")
    said = logged(tmp_path / "s")
    assert [(line["event"], line["cause"]) for line in said] == [("episode_ended", "quota")]
    assert said[0]["detail"] == "none left"
    (shown,) = log_lines(tmp_path / "s", "warning")
    assert "episode_ended" in shown
    assert log_lines(tmp_path / "s", "error") == []


def test_no_secret_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "correct-horse-battery")
    monkeypatch.setenv("MY_AUTH", "staple-of-another-name")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a-header-value,other=b-header-value")
    with kept(tmp_path, "info", secrets=["MY_AUTH"]):
        for name in ("SOME_API_KEY", "MY_AUTH", "OTEL_EXPORTER_OTLP_HEADERS"):
            monkeypatch.delenv(name)  # as when a gateway has them to itself
        said = "correct-horse-battery staple-of-another-name a-header-value b-header-value"
        tell(LOG, logging.INFO, "event", detail=f"{'x' * 490} {said}", deep={"a": [said]})
        LOG.warning("sk-%s and https://user:password@host/", "a" * 20)
        try:
            raise ValueError(said)
        except ValueError:
            LOG.exception("it failed")
    raw = (tmp_path / NAME).read_text()
    assert raw.count("[secret]") >= 6
    for secret in ("horse", "staple", "header-value", "sk-a", "password"):
        assert secret not in raw


def test_other_packages_are_heard_from_a_warning_on(tmp_path: Path) -> None:
    other = logging.getLogger("somebody.else")
    with kept(tmp_path, "debug"):
        other.info("nothing")
        other.warning("something %d", 1)
        LOG.debug("ours")
    said = [(line["logger"], line["text"]) for line in logged(tmp_path)]
    assert said == [("somebody.else", "something 1"), ("diagnose.tests", "ours")]
    assert not any(isinstance(one, journal.Journal) for one in logging.getLogger().handlers)


def test_events_are_not_printed_and_messages_still_are(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import logging,sys;from pathlib import Path;from diagnose.journal import kept,tell\n"
        "log=logging.getLogger('diagnose.x')\n"
        "with kept(Path(sys.argv[1]),'info'):\n"
        "    tell(log,logging.WARNING,'quiet');log.warning('aloud')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
    assert capfd.readouterr().err == "aloud\n"
    assert [line["event"] for line in logged(tmp_path)] == ["quiet", "message"]


def _write_many(path: Path, number: int) -> None:
    with kept(path, "info", {"writer": number}):
        for count in range(200):
            tell(LOG, logging.INFO, "event", count=count, detail="é" * 300)


def test_lines_of_several_processes_stay_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(tmp_path, one)) for one in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    said = [(line["writer"], line["count"]) for line in logged(tmp_path)]
    assert Counter(said) == Counter((one, count) for one in range(4) for count in range(200))
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 800


def test_a_torn_tail_costs_its_line_alone(tmp_path: Path) -> None:
    with kept(tmp_path, "info"):
        tell(LOG, logging.INFO, "first")
        tell(LOG, logging.INFO, "torn")
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-9])
    with kept(tmp_path, "info"):
        tell(LOG, logging.INFO, "last")
    assert [line["event"] for line in logged(tmp_path)] == ["first", "last"]


def test_a_full_disk_costs_lines_and_says_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = os.write, [None, 10, 0, 0]

    def write(fd: int, raw: bytes) -> int:
        room = left.pop(0) if left else None
        if room == 0:
            raise OSError(errno.ENOSPC, "full")
        return real(fd, raw if room is None else raw[:room])

    with kept(tmp_path, "info"):
        monkeypatch.setattr(journal.os, "write", write)
        for event in "abcde":
            tell(LOG, logging.INFO, event)
        monkeypatch.undo()
    assert [(line["event"], line.get("lines_lost")) for line in logged(tmp_path)] == [
        ("a", None),
        ("e", 3),
    ]


def test_a_log_that_cannot_be_opened_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).mkdir()
    with kept(tmp_path, "info"):
        tell(LOG, logging.INFO, "event")
    assert NAME in caplog.text


def test_a_killed_study_leaves_a_log_that_its_resumption_goes_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    command = [sys.executable, "-m", "tests.study.runner", str(folder), "1", "brood"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "LOG": "info"})
    while not (folder / NAME).exists() or (folder / NAME).read_bytes().count(b"episode_ended") < 5:
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = logged(folder)
    run(folder, "none")
    after = logged(folder)
    assert after[: len(before)] == before
    begun = [line["missing"] for line in after if line["event"] == "study_begun"]
    assert begun[0] == len(PLANS)
    recorded = begun[0] - begun[1]  # by the first
    ended = sum(line["event"] == "episode_ended" for line in before)
    assert recorded - 1 <= ended <= recorded  # the log follows the record


@pytest.mark.parametrize("level", ["loud", 3, None, True])
def test_a_level_that_is_none_is_refused(level: object) -> None:
    with pytest.raises(ConfigError, match=r"observe\.log"):
        journal.checked(level)


def test_off_is_what_yaml_makes_of_it() -> None:
    assert journal.checked(False) == journal.checked("off") == "off"
