"""Break studies at random, let the same command go on, and count what that cost.

    .venv/bin/python -m benchmarks.chaos [--studies 10] [--episodes 5000] [--faults 8] [--seed 1]
    .venv-launchers/bin/python -m benchmarks.chaos --ray 3     # and drop the head of a Ray cluster

A study of a cheap subject (``tests.study.fake``) is run by one process or by shards side by side.
At random instants the process or one of its workers is killed (SIGKILL), its files may grow no
further (RLIMIT_FSIZE: the write fails in mid-line), the clock stands elsewhere, or, after a kill,
tails of files are cut, overwritten or followed by rubbish. Then it runs to its end, and its records
are compared with what the subject alone would have said.

lost: episodes without their record. run twice: episodes that ran although their record stood whole
when that process began. mismatched: records that are not, byte for byte, what they must be.
"""

import argparse
import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from diagnose.cli.examined import examine, repair
from diagnose.design import EpisodePlan
from diagnose.errors import DiagnoseError, StoreError
from diagnose.ledger import canonical_lines, parsed, parts_of
from diagnose.policy import RunPolicy
from diagnose.progress import Progress
from diagnose.records import EpisodeRecord
from diagnose.shards import Shard
from diagnose.store import Store, home_of
from diagnose.study import run_study
from tests.study import fake

ROOT = Path(__file__).parents[1]
FAULTS = ("kill", "kill a worker", "full disk", "clock", "cut", "overwrite", "rubbish")
AFTER_KILL = ("cut", "overwrite", "rubbish")
TASKS, CELLS = 5, 16
YEAR_S = 365 * 86400
LONGEST_S = 600


def plans_of(episodes: int) -> list[EpisodePlan]:
    """Return a schedule of so many episodes, or a few more."""
    return fake.plans(TASKS, max(1, -(-episodes // (TASKS * CELLS))), "full_factorial")


def header_of(plans: list[EpisodePlan]) -> dict[str, object]:
    """Return what study.json holds, as far as ``diagnose doctor`` reads it."""
    return {**fake.header(plans), "study": "chaos", "episodes": len(plans)}


def work(folder: Path, shard: Shard, episodes: int, session: str, room: int, shift_s: float) -> int:
    """Be one process of a study; what runs is noted in the file ``ran-SESSION``.

    Args:
        folder: the study's.
        shard: this process's part.
        episodes: how many it plans.
        session: its name.
        room: bytes that any file may have; 0 for no limit.
        shift_s: how far the clock is off.
    """
    if room:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    if shift_s:
        real = time.time
        time.time = lambda: real() + shift_s
    log = os.open(folder / f"ran-{session}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    plans = plans_of(episodes)

    def execute(plan: EpisodePlan) -> EpisodeRecord:
        with contextlib.suppress(OSError):  # the log may be full where the records are not
            os.write(log, f"{fake.identify(plan)}\n".encode())
        return fake.execute(plan)

    mine = shard.deal(fake.identify(plan) for plan in plans)
    try:
        with Store(folder, header_of(plans), shard) as store:
            store.claim(mine)
            end = run_study(
                plans,
                execute,
                store,
                identify=fake.identify,
                unobserved=fake.unobserved,
                policy=RunPolicy(workers=2, retries=10),
                progress=Progress(sys.stdout),
            )
    except DiagnoseError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return end.exit_code


@dataclass
class Count:
    """What the faults cost."""

    studies: int = 0
    episodes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    twice: int = 0
    mismatched: int = 0

    @property
    def told(self) -> str:
        """What came of it, in three lines."""
        each = ", ".join(f"{name} {number}" for name, number in sorted(self.faults.items()))
        return (
            f"{self.studies} studies, {self.episodes:,} episodes, {self.faults.total()} faults\n"
            f"({each})\n"
            f"lost {self.lost}, run twice {self.twice}, mismatched {self.mismatched}"
        )


class Study:
    """One study that is broken again and again."""

    def __init__(self, folder: Path, episodes: int, of: int, chance: random.Random) -> None:
        self.folder, self.episodes, self.of, self.chance = folder, episodes, of, chance
        self.sessions = 0
        self.twice = 0

    def start(self, number: int, room: int = 0, shift_s: float = 0.0) -> "subprocess.Popen[bytes]":
        """Start the process of one shard."""
        self.sessions += 1
        given = [str(self.folder), f"{number}/{self.of}", str(self.episodes), str(self.sessions)]
        command = [sys.executable, "-m", "benchmarks.chaos", "--work", *given, str(room)]
        return subprocess.Popen(
            [*command, str(shift_s)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if room else None,
        )

    def whole(self) -> set[str]:
        """Return the episodes whose records stand whole."""
        found = set()
        for file in parts_of(self.folder):
            for raw in file.read_bytes().splitlines(keepends=True):
                with contextlib.suppress(ValueError, StoreError):
                    found.add(parsed(raw).episode_id)
        return found

    def run(self, fault: str) -> None:
        """Run all shards once, with one fault; then count what ran although it was recorded."""
        before, first = self.whole(), self.sessions
        victim = self.chance.randrange(self.of)
        children = []
        for number in range(1, self.of + 1):
            struck = number == victim + 1
            room = self._room(number) if fault == "full disk" and struck else 0
            shift_s = self.chance.uniform(-YEAR_S, YEAR_S) if fault == "clock" else 0.0
            children.append(self.start(number, room, shift_s))
        if fault in {"kill", "kill a worker", *AFTER_KILL}:
            self._wait_for_records(children[victim])
            with contextlib.suppress(ProcessLookupError, IndexError):
                target = children[victim].pid
                if fault == "kill a worker":
                    target = self.chance.choice(_children_of(target))
                os.kill(target, signal.SIGKILL)
        for child in children:
            child.wait(LONGEST_S)
        for session in range(first + 1, self.sessions + 1):
            log = self.folder / f"ran-{session}"
            ran = set(log.read_text().splitlines()) if log.exists() else set()
            self.twice += len(ran & before)
        if fault in AFTER_KILL:
            self._damage(fault)
        if fault == "clock":
            for file in self.folder.rglob("*"):
                at_s = time.time() + self.chance.uniform(-YEAR_S, YEAR_S)
                os.utime(file, (at_s, at_s))

    def _room(self, number: int) -> int:
        file = home_of(self.folder, Shard(number, self.of)) / "episodes.jsonl"
        size = file.stat().st_size if file.exists() else 0
        return size + self.chance.randrange(1, 1000 * self.episodes // self.of)

    def _wait_for_records(self, child: "subprocess.Popen[bytes]") -> None:
        """Wait until the study has grown by a random share of what it lacks, or has ended."""
        lacks = self.episodes - len(self.whole())
        size = sum(file.stat().st_size for file in parts_of(self.folder))
        until = size + self.chance.random() * max(lacks, 1) * 1000
        while child.poll() is None:
            if sum(file.stat().st_size for file in parts_of(self.folder)) >= until:
                return
            time.sleep(0.005)

    def _damage(self, fault: str) -> None:
        """Damage the tails of some files, as a failing disk does."""
        names = ("episodes.jsonl", "episodes.index", "timings.jsonl")
        files = [file.with_name(name) for file in parts_of(self.folder) for name in names]
        for file in self.chance.sample(files, self.chance.randint(1, len(files))):
            data = file.read_bytes()
            tail = self.chance.randrange(1, 3000)
            rubbish = self.chance.randbytes(self.chance.randrange(1, 500))
            if fault == "cut":
                data = data[: max(0, len(data) - tail)]
            elif fault == "overwrite":
                start = max(0, len(data) - tail)
                data = data[:start] + rubbish[: len(data) - start] + data[start + len(rubbish) :]
            else:
                data += rubbish + self.chance.choice([b"", b"\n", b"\n\n{}\n"])
            file.write_bytes(data)
        faults = examine(self.folder)  # what a person is told to do when a study does not start
        if any(one.mend for one in faults):
            repair(self.folder, faults)


def _children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def broken(episodes: int, faults: int, chance: random.Random, count: Count) -> None:
    """Break one study so often, end it, and add to ``count``."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        study = Study(folder, episodes, chance.choice([1, 1, 2, 3]), chance)
        for _ in range(faults):
            fault = chance.choice(FAULTS)
            count.faults[fault] += 1
            study.run(fault)
        study.run("")
        plans = plans_of(episodes)
        wanted, found = fake.expected(plans), canonical_lines(folder)
        count.studies += 1
        count.episodes += len(plans)
        ids = Counter(json.loads(line)["episode_id"] for line in found)
        count.lost += sum(fake.identify(plan) not in ids for plan in plans)
        count.twice += study.twice + sum(number - 1 for number in ids.values())
        count.mismatched += len(set(found) - set(wanted))


def drop_the_head(chance: random.Random, count: Count) -> None:
    """Run a sweep on a Ray cluster, drop its head at a random instant, run it on a new one."""
    from ray.cluster_utils import Cluster

    command = [
        sys.executable, "-m", "diagnose", "run", "-m", "launcher=ray", "study.runs=4",
        "run.workers=1", "run.shard=1/3,2/3,3/3", "study.name=ray",
    ]  # fmt: skip
    alone = [*command[:4], "study.runs=4", "study.name=ray", "study.folder=alone"]
    with tempfile.TemporaryDirectory() as place:
        here = {"cwd": place, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(alone, check=True, **here, **quiet)
        for ending in (False, True):
            made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
            made.add_node(num_cpus=1)
            at = f"hydra.launcher.ray.init.address={made.address}"
            child = subprocess.Popen([*command, at], **here, **quiet)
            if ending:
                child.wait(LONGEST_S)
            else:
                while child.poll() is None and not list(Path(place).glob("studies/ray-*/shards")):
                    time.sleep(0.05)
                time.sleep(chance.uniform(0.0, 3.0))
                made.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
                time.sleep(1.0)
                child.kill()
                child.wait()
            made.shutdown()
        (study,) = Path(place).glob("studies/ray-*")
        (serial,) = Path(place).glob("alone/ray-*")
        wanted, found = canonical_lines(serial), canonical_lines(study)
        count.studies += 1
        count.episodes += len(wanted)
        count.faults["head dropped"] += 1
        count.lost += len(wanted) - len(found)
        count.mismatched += len(set(found) - set(wanted))
        raw = [line for file in parts_of(study) for line in file.read_bytes().splitlines()]
        count.twice += len(raw) - len(set(raw))


def main(argv: list[str] | None = None) -> Count:
    """Print the counts and return them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=5000)
    parser.add_argument("--faults", type=int, default=8, help="for each study")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ray", type=int, default=0, help="sweeps on Ray whose head is dropped")
    given = parser.parse_args(argv)
    count, chance = Count(), random.Random(given.seed)
    for _ in range(0 if given.ray else given.studies):
        broken(given.episodes, given.faults, chance, count)
    for _ in range(given.ray):
        drop_the_head(chance, count)
    print(count.told)
    return count


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        where, part, planned, name, bytes_left, off_s = sys.argv[2:]
        sys.exit(
            work(Path(where), Shard.parse(part), int(planned), name, int(bytes_left), float(off_s))
        )
    main()
