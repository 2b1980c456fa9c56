"""``diagnose calibrate``: would the instrument find a bottleneck that was planted?

The slow parts run in worker processes: the verdicts on the population's devices (kept in a file,
and measured again whenever a source they depend on changes), the replicates, and whole episodes
that check the enumerated truth.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.cli.calibration import (
    DRAWS,
    Ground,
    Planted,
    Scores,
    joined,
    layout_of,
    score,
    specs_of,
    truth,
)
from diagnose.cli.calibration_scores import Calibration, Check, Result
from diagnose.cli.configure import CONF, configured
from diagnose.cli.data_sheet import write
from diagnose.cli.main import OK
from diagnose.episode import Episode, run_episode, versions
from diagnose.errors import ConfigError, InputError
from diagnose.models.reference import Reference
from diagnose.models.reference.sampler import Population, Stratum, places, population, stratum
from diagnose.models.reference.truth import (
    Verdicts,
    VerdictTable,
    chance_of,
    draws_of,
    verdicts_of,
)
from diagnose.records import canonical_json
from diagnose.seeds import seed_of, stream
from diagnose.subjects.budgets import Budgets
from diagnose.tasks import Task, all_tasks, family_of

BATCH = 50  # replicates, or whole episodes, of one job
SOURCES = ("diagnose/env", "diagnose/tasks", "diagnose/laws.py", "diagnose/models/reference")
CACHE = Path("studies") / "calibration-verdicts.json"
MOST_REPLICATES, MOST_RUNS = 1_000_000, 1000

Map = Callable[..., Iterable[Any]]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--profiles", default="all", help="all, or names: flat,null")
    parser.add_argument("--replicates", type=int, default=400, help="studies a profile and kind")
    parser.add_argument("--runs", type=int, default=8, help="of every task in every cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--episodes", type=int, default=200, help="whole episodes that check each profile's truth"
    )
    parser.add_argument("--out", type=Path, help="a .md file; table and figure go beside it")


def main(given: argparse.Namespace) -> int:
    """Calibrate; see ``calibrate``."""
    return calibrate(
        given.profiles, given.replicates, given.runs, given.seed, given.episodes, given.out
    )


def calibrate(
    chosen: str,
    replicates: int,
    runs: int,
    seed: int,
    episodes: int,
    out: Path | None,
) -> int:
    """Calibrate, print the data sheet, and write it with its table and figure beside it.

    Raises:
        InputError: an unknown profile, or a number out of its range.
    """
    names = checked_profiles(chosen)
    for field, value, least, most in (
        ("replicates", replicates, 2, MOST_REPLICATES),
        ("runs", runs, 1, MOST_RUNS),
        ("seed", seed, 0, 2**63),
        ("episodes", episodes, 0, MOST_REPLICATES),
    ):
        if not least <= value <= most:
            raise InputError(field, value, f"give a number from {least} to {most}")
    if out is not None and out.suffix != ".md":
        raise InputError("out", str(out), "name a .md file; its table and figure go beside it")
    with _workers() as each:
        _say(f"verdicts on the population's devices (kept in {CACHE})")
        ground = make_ground(population(_strata(each, CACHE)))
        subjects = [planted(name) for name in names]
        results = []
        for subject in subjects:
            _say(f"{subject.name}: {replicates} replicates of {len(DRAWS)} kinds of study")
            results += [
                scored(each, subject, ground, draw, replicates, runs, seed) for draw in DRAWS
            ]
        _say(f"{episodes} whole episodes of each profile")
        checks = [checked(each, subject, ground, episodes, seed) for subject in subjects]
    done = Calibration(tuple(results), tuple(checks), ground, replicates, runs, seed)
    write(done, out, _command(chosen, replicates, runs, seed, episodes, out))
    return OK


def profiles() -> list[str]:
    """Return the names of the reference profiles."""
    return sorted(path.stem for path in (CONF / "subject" / "reference").glob("*.yaml"))


def checked_profiles(chosen: str) -> list[str]:
    """Return the profiles named in ``a,b`` or ``all``.

    Raises:
        InputError: one of them does not exist.
    """
    known = profiles()
    names = known if chosen == "all" else [name.strip() for name in chosen.split(",")]
    for name in names:
        if name not in known:
            raise InputError("profiles", name, f"choose all, or some of {', '.join(known)}")
    return list(dict.fromkeys(names))


def planted(profile: str) -> Planted:
    """Return what is known of a profile in the default study.

    Raises:
        ConfigError: the file holds another subject.
    """
    study = configured([f"subject=reference/{profile}"])
    if not isinstance(study.model, Reference):
        raise ConfigError("subject", study.model.name, "a profile is of the reference subject")
    return Planted(
        profile,
        study.model.profile,
        tuple(factor.name for factor in study.factors),
        tuple(factor.capacity for factor in study.factors),
        tuple(frozenset(capacities) for capacities in study.supplied.values()),
    )


def make_ground(drawn: Population) -> Ground:
    """Return the published tasks and a population, with verdicts."""
    tasks = all_tasks()
    return Ground(
        tuple(verdicts_of(one) for one in tasks),
        tuple(one.family for one in tasks),
        tuple(one.level for one in tasks),
        drawn,
    )


def scored(
    each: Map, subject: Planted, ground: Ground, draw: str, replicates: int, runs: int, seed: int
) -> Result:
    """Return what ``replicates`` studies of a subject gave, beside the truth."""
    starts = range(0, replicates, BATCH)
    parts: list[Scores] = list(
        each(
            _score,
            [
                (subject, ground, draw, range(i, min(i + BATCH, replicates)), runs, seed)
                for i in starts
            ],
        )
    )
    specs = specs_of(layout_of(subject, ground))
    return Result(
        subject,
        draw,
        tuple(one.name for one in specs),
        truth(subject, ground, draw, specs),
        joined(parts),
    )


def checked(each: Map, subject: Planted, ground: Ground, episodes: int, seed: int) -> Check:
    """Run whole episodes on published and drawn tasks in turn, and compare with the enumeration."""
    root = seed_of(seed, "calibrate", subject.name, "episodes")  # profiles share no draws
    rng = stream(root)
    tasks, weights = [*all_tasks(), *ground.population.tasks], ground.weights(DRAWS[1])
    table = VerdictTable.of(ground.verdicts)
    picks, chances, simulated = [], [], []
    for number in range(episodes):
        fresh = int(rng.choice(len(tasks), p=weights))
        place = fresh if number % 2 else number // 2 % len(all_tasks())
        cell = int(rng.integers(len(subject.supplied)))
        picks.append((tasks[place], cell, number))
        supplied = subject.supplied[cell]
        chances.append(chance_of(ground.verdicts[place], subject.profile, supplied))
        draws, slip = draws_of((root, tasks[place].id, number))
        own = np.array([place]), draws[None, None], np.array([[slip]])
        simulated.append(bool(table.outcomes(subject.profile, [supplied], *own).item()))
    jobs = [(subject.name, picks[i : i + BATCH], root) for i in range(0, episodes, BATCH)]
    passed = [one for part in each(run_picks, jobs) for one in part]
    return Check(subject.name, tuple(passed), tuple(chances), tuple(simulated))


def run_picks(job: tuple[str, Sequence[tuple[Task, int, int]], int]) -> list[bool]:
    """Run whole episodes, real interventions and all; return which passed."""
    profile, picks, seed = job
    study = configured([f"subject=reference/{profile}"])
    codes = list(study.supplied)
    return [
        bool(
            run_episode(
                Episode(
                    episode_id=f"calibration-{number}",
                    study="calibration",
                    study_seed=seed,
                    factors=tuple(factor.name for factor in study.factors),
                    doses=tuple(map(int, codes[cell])),
                    task=task,
                    family=family_of(task),
                    run=number,
                    model=study.model,
                    interventions=study.interventions,
                    budgets=Budgets(),
                )
            ).success
        )
        for task, cell, number in picks
    ]


def _score(job: tuple[Planted, Ground, str, range, int, int]) -> Scores:
    return score(*job)


def _stratum(place: tuple[str, int]) -> Stratum:
    return stratum(*place)


def _strata(each: Map, path: Path) -> list[Stratum]:
    """Return the population's strata, from the file where it holds them for these sources."""
    key = _sources_sha256()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["sources_sha256"] == key:
            return [_from_json(entry) for entry in kept["strata"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no file, or not one of ours: it is made again
    wanted = sorted(places(), key=lambda place: -place[1])  # the largest devices first
    strata = sorted(each(_stratum, wanted), key=lambda one: (one.family, one.level))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    data = {"sources_sha256": key, "strata": [asdict(one) for one in strata]}
    temporary.write_text(json.dumps(data), encoding="utf-8")
    temporary.replace(path)
    return strata


def _from_json(entry: dict[str, Any]) -> Stratum:
    tasks = tuple(Task(**one) for one in entry["tasks"])
    verdicts = tuple(
        Verdicts(tuple(one["laws"]), tuple(one["passed"])) for one in entry["verdicts"]
    )
    return Stratum(entry["family"], entry["level"], tasks, verdicts, entry["refused"])


def _sources_sha256() -> str:
    """Return a hash of everything that a verdict follows from."""
    digest = hashlib.sha256(canonical_json(versions()).encode())
    for part in SOURCES:
        path = CONF.parent / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()


@contextmanager
def _workers() -> Iterator[Map]:
    """Yield a map over worker processes, or a plain one where there is one core."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if not count or count == 1:
        yield map
        return
    # Started afresh, not forked: a fork would inherit threads of the numeric libraries.
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        yield pool.map


def _say(text: str) -> None:
    print(f"calibrate: {text}", file=sys.stderr, flush=True)


def _command(
    chosen: str, replicates: int, runs: int, seed: int, episodes: int, out: Path | None
) -> str:
    where = f" --out {out}" if out else ""
    return (
        f"diagnose calibrate --profiles {chosen} --replicates {replicates} --runs {runs} "
        f"--seed {seed} --episodes {episodes}{where}"
    )
