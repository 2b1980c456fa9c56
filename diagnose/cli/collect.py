"""``diagnose collect``: records as supervised data, in the chat format that training tools read."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnose.cli.main import OK
from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.records import EpisodeRecord
    from diagnose.training.collecting import Collection


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("study", nargs="*", type=Path, help="studies' folders")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the data's folder")
    public = parser.add_argument_group("from a public data set in place of studies")
    public.add_argument(
        "--rows", nargs="+", type=Path, default=(), metavar="FILE",
        help="its rows: .jsonl, .json or .parquet, by the columns of docs/training_data.md; takes "
        "--validation and --seed",
    )  # fmt: skip
    public.add_argument(
        "--prefer", default="better_response_id", metavar="COLUMN",
        help="which of two answers is the better: safer_response_id of PKU-SafeRLHF",
    )  # fmt: skip
    which = parser.add_argument_group("which episodes (lists with commas)")
    which.add_argument("--task", type=_names, default=(), help="for example A-L1,C-L3")
    which.add_argument("--family", type=_names, default=(), help="for example A,C")
    which.add_argument("--level", type=_numbers, default=(), help="for example 1,2")
    which.add_argument("--cell", type=_names, default=(), help="for example 1111,1000")
    which.add_argument("--run", type=_numbers, default=(), help="from 0")
    which.add_argument("--model", type=_names, default=())
    what = parser.add_argument_group("what of them")
    what.add_argument(
        "--gold",
        action="store_true",
        help="full-knowledge demonstrations that answer their first messages, not their own "
        "successes; without studies, the messages of the study that --set describes",
    )
    what.add_argument("--own", action="store_true", help="with --gold: own successes as well")
    what.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
        help="with --gold and without studies: as for diagnose run",
    )  # fmt: skip
    what.add_argument(
        "--keep",
        default="conversation",
        choices=("conversation", "program"),
        help="the whole conversation, or its last program as one answer",
    )
    what.add_argument(
        "--distil", action="store_true", help="take what interventions said out of the prompts"
    )
    what.add_argument(
        "--replay", action="store_true", help="play every conversation again; it must go the same"
    )
    what.add_argument("--pairs", action="store_true", help="preference pairs as well")
    what.add_argument("--mixed", action="store_true", help="allow several formats of prompt")
    split = parser.add_argument_group("splits")
    split.add_argument(
        "--hold-out", type=_names, default=(), help="tasks, families, levels: A-L4,B,L5"
    )
    split.add_argument("--validation", type=float, default=0.1, help="share of runs")
    least = parser.add_argument_group("limits (0 = none)")
    least.add_argument("--near", type=float, default=0.95, help="programs so alike count as one")
    least.add_argument("--per-task", type=int, default=0, help="examples of a task, in a split")
    least.add_argument("--most-characters", type=int, default=0, help="of a conversation")
    least.add_argument("--most-tokens", type=int, default=0, help="words and marks of one")
    noise = parser.add_argument_group("noise")
    noise.add_argument("--corrupt", type=float, default=0.0, help="share of training examples")
    noise.add_argument(
        "--corruption",
        default="mixed",
        help="wrong_delay, missing_repeater, wrong_coordinate, wrong_api, shuffled or mixed",
    )
    parser.add_argument("--seed", type=int, default=0, help="of every draw")


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, _names(text)))


def main(given: argparse.Namespace) -> int:
    """Write the data and print where, and on a terminal what was left out.

    Raises:
        InputError: a value is wrong, nothing is left, or the place holds something else.
        StoreError: no study is there, or its file is broken.
    """
    from diagnose.cli.rebuilt import interventions_of
    from diagnose.training.collecting import collect
    from diagnose.training.dataset import writable

    if given.rows:
        return _public(given)
    how = _how(given)
    writable(given.out)
    about = collect(_records(given), interventions_of, how).write(given.out)
    return _told(about, given.out)


def _told(about: Mapping[str, Any], out: Path) -> int:
    if sys.stdout.isatty():
        print(_table(about))
    print(out)
    return OK


def _public(given: argparse.Namespace) -> int:
    """Write the data that a public set's rows make.

    Raises:
        InputError: an option of studies is given, a row cannot be read, or nothing is left.
    """
    from diagnose.training.dataset import writable
    from diagnose.training.rows import converted

    parser = argparse.ArgumentParser()
    arguments(parser)
    bare = vars(parser.parse_args(["--out", "data"]))
    for name in bare.keys() - {"rows", "out", "prefer", "validation", "seed"}:
        if (value := getattr(given, name)) != bare[name]:
            raise InputError(name, value, "it is of studies; leave it out beside --rows")
    writable(given.out)
    data = converted(given.rows, given.validation, given.seed, given.prefer)
    return _told(data.write(given.out), given.out)


def _how(given: argparse.Namespace) -> "Collection":
    from diagnose.tasks import FAMILIES, task
    from diagnose.training.collecting import Collection, Wanted
    from diagnose.training.filters import Limits

    for family in given.family:
        if family not in FAMILIES:
            raise InputError("family", family, f"choose from {', '.join(FAMILIES)}")
    if given.own and not given.gold:
        raise InputError("--own", True, "own successes are what is collected without --gold")
    wanted = Wanted(
        frozenset(task(name).id for name in given.task),
        *map(frozenset, (given.family, given.level, given.cell, given.run, given.model)),
    )
    return Collection(
        wanted,
        own=given.own or not given.gold,
        gold=given.gold,
        keep=given.keep,
        distil=given.distil,
        again=given.replay,
        planned=() if given.study else tuple(given.overrides),
        hold_out=given.hold_out,
        validation=given.validation,
        near=given.near,
        limits=Limits(given.most_characters, given.most_tokens, given.per_task),
        corrupt=given.corrupt,
        corruption=given.corruption,
        pairs=given.pairs,
        mixed=given.mixed,
        seed=given.seed,
    )


def _records(given: argparse.Namespace) -> "Iterator[EpisodeRecord]":
    """Yield the records of the studies, or the planned ones of a study that did not run."""
    from diagnose.ledger import read_records

    if given.study and given.overrides:
        raise InputError("--set", given.overrides, "it describes a study; name none beside it")
    if not given.study and not (given.gold and not (given.own or given.pairs)):
        raise InputError("study", "none", "name studies' folders; --gold alone needs none")
    if given.study:
        for folder in given.study:
            yield from read_records(folder)
        return
    yield from _planned(given.overrides)


def _planned(overrides: list[str]) -> "Iterator[EpisodeRecord]":
    from hydra.errors import HydraException

    from diagnose.cli.configure import configured

    try:
        study = configured(["subject=reference/frontier", *overrides])
    except HydraException as error:
        raise InputError("--set", " ".join(overrides), f"as for diagnose run: {error}") from error
    for plan in study.plans:
        yield study.unobserved(plan, "planned", "")


def _table(about: Mapping[str, Any]) -> str:
    from analysis.report.table import Table

    counts = about["counts"]
    head = ["", *counts]
    rows = [
        [what, *(str(one[what]) for one in counts.values())]
        for what in ("examples", "corrupted", "pairs")
    ]
    rows.append(["tasks", *(str(len(one["tasks"])) for one in counts.values())])
    told = [Table("data", "", head, rows).written("text")]
    for title, name in (("left out", "left_out"), ("left out of pairs", "pairs_left_out")):
        if about[name]:
            said = [[reason, str(count)] for reason, count in about[name].items()]
            told.append(Table(name, "", [f"{title}, because", ""], said).written("text"))
    return "\n".join(told)
