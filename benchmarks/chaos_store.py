"""Break studies on an object store at random, let the same command go on, and count what that cost.

    .venv-services/bin/python -m benchmarks.chaos_store [--studies 3] [--runs 40] [--faults 6]

A study of a cheap subject (``tests.study.away_runner``) is run in shards, each on a machine of its
own: a process with its keeper and its spool, on an S3 server (moto) that serves them all. At random
instants a machine is lost (all of it killed, its spool deleted), a study's process is killed, the
server answers 503 for a while, stands still, or objects are cut and overwritten. Then the study
runs to its end, and its records are compared with what the subject alone would have said.

lost: episodes without their record. run twice: episodes that ran although their record stood whole
in the store, or on that machine, when its process began. mismatched: records that are not, byte for
byte, what they must be.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.chaos import Count, _children_of
from diagnose.cli.main import main as diagnose
from diagnose.ledger import canonical_lines, parts_of
from diagnose.remote.address import SPOOL, Address
from diagnose.remote.keeper import fetched
from diagnose.remote.objects import Objects
from tests.services.s3 import S3
from tests.study import fake

ROOT = Path(__file__).parents[1]
FAULTS = ("machine lost", "kill", "503", "server stands still", "damage")
LEASE_S, SLOW_S, LONGEST_S = 3, 0.02, 600


class Study:
    """One study on one server, and the machines that run it."""

    def __init__(self, place: Path, server: S3, runs: int, chance: random.Random) -> None:
        self.place, self.server, self.runs, self.chance = place, server, runs, chance
        self.address = Address.parse(f"s3://records/{place.name}/away-1")
        self.of = chance.choice([1, 2, 3])
        self.sessions = 0
        self.twice = 0

    def _held(self, spool: Path) -> set[str]:
        """Return the episodes whose records stand whole in the store, or in one machine's spool."""
        os.environ[SPOOL] = str(self.place / "reader")
        folders = [*spool.glob("*/away-1")]
        if Objects(self.address).found("parts"):
            folders.append(fetched(self.address))
        lines = [line for one in folders if parts_of(one) for line in canonical_lines(one)]
        return {json.loads(line)["episode_id"] for line in lines}

    def start(self, number: int) -> "subprocess.Popen[bytes]":
        """Start the process of one shard on its machine."""
        self.sessions += 1
        notes = self.place / f"notes-{self.sessions}"
        notes.mkdir()
        given = [self.address.text, f"{number}/{self.of}", str(SLOW_S), str(LEASE_S), "120"]
        named = {SPOOL: str(self.place / f"machine-{number}"), "NOTES": str(notes)}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.study.away_runner", *given],
            cwd=ROOT,
            env={**os.environ, **named, "RUNS": str(self.runs), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def run(self, fault: str) -> bool:
        """Run all shards once, with one fault; return whether all of them ended well."""
        spools = {n: self.place / f"machine-{n}" for n in range(1, self.of + 1)}
        before = {number: self._held(spool) for number, spool in spools.items()}
        first = self.sessions
        children = {number: self.start(number) for number in spools}
        if fault in FAULTS:
            self._wait_until_some_ran(first, children)
            self._strike(fault, children, spools)
        for child in children.values():
            child.wait(LONGEST_S)
        for session, number in enumerate(spools, first + 1):
            noted = self.place / f"notes-{session}" / "executed"
            ran = noted.read_text().splitlines() if noted.exists() else []
            ids = {f"{p.task} {p.run} {p.cell}": fake.identify(p) for p in plans_of(self.runs)}
            self.twice += len({ids[line] for line in ran} & before[number])
        if fault == "damage":
            self._damage()
        return all(child.returncode == 0 for child in children.values())

    def _wait_until_some_ran(
        self, first: int, children: "dict[int, subprocess.Popen[bytes]]"
    ) -> None:
        until = self.chance.randint(1, 60)
        while any(child.poll() is None for child in children.values()):
            files = [self.place / f"notes-{first + n}" / "executed" for n in range(1, self.of + 1)]
            if sum(one.read_text().count("\n") for one in files if one.exists()) >= until:
                return
            time.sleep(0.01)

    def _strike(
        self, fault: str, children: "dict[int, subprocess.Popen[bytes]]", spools: dict[int, Path]
    ) -> None:
        number = self.chance.choice(list(children))
        child = children[number]
        if fault == "machine lost":
            for pid in [*_children_of(child.pid), child.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            child.wait()
            shutil.rmtree(spools[number], ignore_errors=True)
            time.sleep(LEASE_S + 2)  # the store's clock shows whole seconds
        elif fault == "kill":
            child.kill()
        elif fault == "503":
            self.server.faulty.touch()
            time.sleep(self.chance.uniform(0.5, 5.0))
            self.server.faulty.unlink()
        elif fault == "server stands still":
            os.kill(self.server.pid, signal.SIGSTOP)
            time.sleep(self.chance.uniform(0.5, 5.0))
            os.kill(self.server.pid, signal.SIGCONT)

    def _damage(self) -> None:
        """Cut or overwrite some objects; then do what a person is told to do."""
        objects = Objects(self.address)
        names = sorted(name for name in objects.found("parts") if "/episodes-" in name)
        for name in self.chance.sample(names, min(3, len(names))):
            data = objects.read(name) or b""
            cut = self.chance.randrange(len(data))
            rest = b"" if self.chance.random() < 0.5 else b"\n" * (len(data) - cut)
            objects.write(name, data[:cut] + rest)
        with contextlib.redirect_stdout(None):
            for number in range(1, self.of + 1):
                os.environ[SPOOL] = str(self.place / f"machine-{number}")
                diagnose(["doctor", "--repair", self.address.text])


def plans_of(runs: int) -> list[fake.EpisodePlan]:
    """Return the schedule of ``tests.study.away_runner``."""
    return fake.plans(tasks=4, runs=runs)


def broken(server: S3, runs: int, faults: int, chance: random.Random, count: Count) -> None:
    """Break one study so often, end it, and add to ``count``."""
    with tempfile.TemporaryDirectory() as place:
        study = Study(Path(place), server, runs, chance)
        for _ in range(faults):
            fault = chance.choice(FAULTS)
            count.faults[fault] += 1
            study.run(fault)
        time.sleep(LEASE_S + 2)
        ended = study.run("")
        plans = plans_of(runs)
        os.environ[SPOOL] = str(Path(place) / "last reader")
        wanted, found = fake.expected(plans), canonical_lines(fetched(study.address))
        ids = Counter(json.loads(line)["episode_id"] for line in found)
        count.studies += 1
        count.episodes += len(plans)
        count.lost += sum(fake.identify(plan) not in ids for plan in plans) + (not ended)
        count.twice += study.twice
        count.mismatched += len(set(found) - set(wanted))


def main(argv: list[str] | None = None) -> Count:
    """Print the counts and return them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=3)
    parser.add_argument("--runs", type=int, default=40, help="24 episodes each")
    parser.add_argument("--faults", type=int, default=6, help="for each study")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    count, chance = Count(), random.Random(given.seed)
    with tempfile.TemporaryDirectory() as place:
        server = S3(Path(place))
        os.environ |= server.environment
        try:
            for _ in range(given.studies):
                broken(server, given.runs, given.faults, chance, count)
        finally:
            server.stop()
    print(count.told)
    return count


if __name__ == "__main__":
    main()
