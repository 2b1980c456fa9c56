"""Studies on a real S3 server, through s3fs: machines are processes with spools of their own."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from analysis.study import Study
from diagnose.cli.main import main
from diagnose.errors import ConfigError, StoreError
from diagnose.ledger import canonical_lines, parts_of
from diagnose.remote.address import SPOOL, Address
from diagnose.remote.keeper import fetched
from diagnose.remote.objects import Objects, UnreachableError
from tests.services.s3 import S3
from tests.study import away_runner, fake

EXPECTED = fake.expected(away_runner.PLANS)


class Machine:
    """One machine: a spool, and processes that work in it."""

    def __init__(self, folder: Path, address: str) -> None:
        self.spool, self.notes, self.address = folder / "spool", folder / "notes", address
        self.notes.mkdir(parents=True)

    def start(
        self, shard: str = "1/1", slow_s: float = 0.0, lease_s: float = 30, wait_s: float = 30
    ) -> "subprocess.Popen[str]":
        given = [self.address, shard, str(slow_s), str(lease_s), str(wait_s)]
        return subprocess.Popen(
            [sys.executable, "-m", "tests.study.away_runner", *given],
            env={**os.environ, SPOOL: str(self.spool), "NOTES": str(self.notes)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, shard: str = "1/1", **how: float) -> tuple[int, str]:
        child = self.start(shard, **how)
        _, told = child.communicate(timeout=120)
        return child.returncode, told

    @property
    def ran(self) -> list[str]:
        noted = self.notes / "executed"
        return noted.read_text().splitlines() if noted.exists() else []

    def lose(self, child: "subprocess.Popen[str]") -> None:
        """Take the machine away: its study, its keeper and its disk."""
        for pid in [*keepers_of(child.pid), child.pid]:
            os.kill(pid, signal.SIGKILL)
        child.wait()
        assert child.stderr is not None
        child.stderr.close()
        shutil.rmtree(self.spool)


def keepers_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = stat.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if parent == pid and b"diagnose.remote.process" in command:
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def address(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(SPOOL, str(tmp_path / "reader"))
    assert s3.environment.items() <= os.environ.items()
    return f"s3://records/{tmp_path.name}/away-1"


def lines_of(address: str) -> list[str]:
    """Return what a reader finds; nothing where no whole segment is there (yet)."""
    folder = fetched(Address.parse(address))
    return canonical_lines(folder) if parts_of(folder) else []


def test_shards_on_several_machines_are_one_study(address: str, tmp_path: Path) -> None:
    machines = [Machine(tmp_path / f"m{n}", address) for n in range(3)]
    children = [one.start(f"{n}/3", 0.01) for n, one in enumerate(machines, 1)]
    for child in children:
        _, told = child.communicate(timeout=120)
        assert child.returncode == 0, told
    assert lines_of(address) == EXPECTED
    ran = Counter(line for one in machines for line in one.ran)
    assert set(ran.values()) == {1}
    assert len(ran) == len(EXPECTED)
    late = Machine(tmp_path / "late", address)
    assert late.run() == (0, "")  # all of it is known there, from the store alone
    assert late.ran == []
    assert main(["doctor", address]) == 0


def test_a_machine_that_is_lost_loses_at_most_what_it_had_not_sent(
    address: str, tmp_path: Path
) -> None:
    chance = random.Random(5)
    for number in range(3):
        machine = Machine(tmp_path / f"m{number}", address)
        child = machine.start(slow_s=0.2, lease_s=1)
        until = chance.randint(7, 12)
        while len(machine.ran) < until:
            time.sleep(0.01)
        machine.lose(child)
        time.sleep(2.2)  # its lease runs out, on a clock of whole seconds
    recorded = set(lines_of(address))
    assert 3 <= len(recorded) < len(EXPECTED)
    last = Machine(tmp_path / "last", address)
    assert last.run(lease_s=1) == (0, "")
    lines = lines_of(address)
    assert lines == EXPECTED
    assert recorded <= set(lines)
    assert len(last.ran) == len(EXPECTED) - len(recorded)  # what had arrived ran no second time


def test_a_killed_study_is_sent_by_its_keeper_and_goes_on_at_once(
    address: str, tmp_path: Path
) -> None:
    first, second = Machine(tmp_path / "a", address), Machine(tmp_path / "b", address)
    child = first.start(slow_s=0.02)
    while len(first.ran) < 12:
        time.sleep(0.01)
    keepers = keepers_of(child.pid)
    child.kill()
    child.communicate()
    deadline_s = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in keepers):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    held = fetched(Address.parse(address))
    spool = next(first.spool.glob("*/away-1"))
    assert canonical_lines(held) == canonical_lines(spool)
    assert second.run() == (0, "")  # the lease was given back
    assert lines_of(address) == EXPECTED


@pytest.mark.parametrize("fault", ["503", "stopped"])
def test_a_store_that_fails_for_a_while_loses_nothing(
    s3: S3, address: str, tmp_path: Path, fault: str
) -> None:
    machine = Machine(tmp_path / "m", address)
    child = machine.start(slow_s=0.1)
    while len(machine.ran) < 10:
        time.sleep(0.01)
    if fault == "503":
        s3.faulty.touch()
    else:
        os.kill(s3.pid, signal.SIGSTOP)
    time.sleep(3)
    s3.faulty.unlink(missing_ok=True)
    os.kill(s3.pid, signal.SIGCONT)
    _, told = child.communicate(timeout=120)
    assert child.returncode == 0, told
    if fault == "503":
        assert "records are kept in" in told
    assert lines_of(address) == EXPECTED
    assert len(machine.ran) == len(EXPECTED)


def test_what_cannot_be_sent_is_said_and_the_same_command_sends_it(
    s3: S3, address: str, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "m", address)
    child = machine.start(slow_s=0.02, lease_s=1, wait_s=0)
    while len(machine.ran) < 10:
        time.sleep(0.01)
    s3.faulty.touch()
    _, told = child.communicate(timeout=120)
    assert child.returncode == 1
    assert "not sent: " in told
    s3.faulty.unlink()
    assert len(lines_of(address)) < len(EXPECTED)
    assert machine.run(lease_s=1) == (0, "")
    assert lines_of(address) == EXPECTED
    assert len(machine.ran) == len(EXPECTED)


def test_a_part_that_runs_is_refused_and_so_is_another_division(
    address: str, tmp_path: Path
) -> None:
    first, second = Machine(tmp_path / "a", address), Machine(tmp_path / "b", address)
    child = first.start("1/2", slow_s=5)
    while not first.ran:
        time.sleep(0.01)
    code, told = second.run("1/2")
    assert code == 2
    assert f"shard 1/2 is run by process {child.pid} on " in told
    assert "its lease ends in " in told
    code, told = second.run("1/3")
    assert "give run.shard=.../2, or wait" in told
    assert second.run("2/2") == (0, "")
    child.terminate()
    child.communicate(timeout=60)
    assert second.run("1/2") == (0, "")  # given back with the end of the process


def test_a_lease_that_was_taken_over_stops_its_process(address: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "a", address)
    child = machine.start(slow_s=0.3, lease_s=1)
    while len(machine.ran) < 8:
        time.sleep(0.01)
    said = {"holder": "process 7 on elsewhere", "lasts_s": 60, "token": "another"}
    Objects(Address.parse(address)).write("leases/1-of-1/00000099.json", json.dumps(said).encode())
    _, told = child.communicate(timeout=60)
    assert child.returncode == 128 + signal.SIGTERM
    assert "process 7 on elsewhere has taken the lease over" in told
    spool = next(machine.spool.glob("*/away-1"))
    assert lines_of(address) == canonical_lines(spool)  # what it had done is sent


def test_damage_is_found_and_mended(
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    machine = Machine(tmp_path / "m", address)
    assert machine.run()[0] == 0
    objects = Objects(Address.parse(address))
    name = next(name for name in sorted(objects.found("parts")) if "episodes-" in name)
    data = objects.read(name)
    assert data is not None
    objects.write(name, data[:-20] + b"0" * 19 + b"\n")
    assert main(["doctor", address]) == 1
    assert f"{name} is not what was written" in capsys.readouterr().out
    assert len(lines_of(address)) < len(EXPECTED)  # what is damaged is not read
    objects.write(name, data[:100])
    assert main(["doctor", address]) == 1
    assert "uploaded in part" in capsys.readouterr().out
    monkeypatch.setenv(SPOOL, str(machine.spool))  # who recorded it has it still
    assert main(["doctor", "--repair", address]) == 0
    monkeypatch.setenv(SPOOL, str(tmp_path / "another"))
    assert main(["doctor", address]) == 0
    assert lines_of(address) == EXPECTED


def test_readers_and_a_reused_study_know_an_address(
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    where = Address.parse(address).parent.text
    small = ["experiment=smoke", "study.tasks=[A-L1]", "study.runs=1", "run.workers=2"]

    def run(machine: str, *more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "diagnose", "run", *small, f"study.folder={where}", *more],
            env={**os.environ, SPOOL: str(tmp_path / machine)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    assert "16 episodes, 16 to run" in run("a")
    assert "16 episodes taken from s3://records/" in run("b", "study.runs=2")
    monkeypatch.setenv(SPOOL, str(tmp_path / "reader"))
    assert main(["status", where]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert sorted(row[1:3] for row in rows) == [["16", "16"], ["32", "32"]]
    one = next(row[0] for row in rows if row[1] == "16")
    assert len(Study.load(one).episodes) == 16
    assert main(["analyze", one]) == 0
    assert main(["compact", one]) == 0
    with fsspec.open(f"{one}/episodes.parquet") as uploaded:
        assert len(pd.read_parquet(uploaded)) == 16
    assert main(["doctor", one]) == 0
    assert not list(tmp_path.glob("s3:*"))  # no folder of that name is made
    for file in (tmp_path / "a").rglob("*.jsonl"):
        assert "testing-not-a-secret" not in file.read_text()


def test_an_address_without_a_study_or_a_server_is_told(
    address: str,
) -> None:
    with pytest.raises(StoreError, match="no study is there"):
        fetched(Address.parse(address))
    with pytest.raises(ConfigError, match="holds no credential"):
        Address.parse("s3://key:secret-value@records/a")
    with pytest.raises(UnreachableError, match="did not answer"):
        Objects(Address.parse("s3://no-such-bucket/a")).write("x", b"x")
