"""From records to a data set: choose, build, split, filter, spoil; and count what was left out."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from diagnose.errors import InputError
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.subjects.briefing import prompt_sha256
from diagnose.subjects.scaffold import Scaffold
from diagnose.training.corruption import CORRUPTIONS, MIXED, corrupted
from diagnose.training.dataset import Dataset, Pair
from diagnose.training.demonstrations import gold
from diagnose.training.filters import Limits, capped, distinct, unlike
from diagnose.training.playing import (
    Interventions,
    LeftOutError,
    record_prompt,
    record_protocol,
)
from diagnose.training.preferences import alone, paired
from diagnose.training.splits import HoldOut, Leaks, split_of, validation_runs
from diagnose.training.transcripts import KEEPS, Candidate, own

Make = Callable[[EpisodeRecord], Candidate]


@dataclass(frozen=True)
class Wanted:
    """Which episodes; an empty field takes all."""

    tasks: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    levels: frozenset[int] = frozenset()
    cells: frozenset[str] = frozenset()
    runs: frozenset[int] = frozenset()
    models: frozenset[str] = frozenset()

    def holds(self, one: EpisodeRecord) -> bool:
        """Whether an episode is among them."""
        values = (one.task, one.family, one.level, one.cell, one.run, one.model)
        return all(
            not chosen or value in chosen
            for chosen, value in zip(vars(self).values(), values, strict=True)
        )


@dataclass(frozen=True)
class Collection:
    """How a data set is made.

    Raises:
        InputError: a value is none of the choices.
    """

    wanted: Wanted = field(default_factory=Wanted)
    own: bool = True  # the subject's own successes
    gold: bool = False  # full-knowledge demonstrations in answer to the episodes' first messages
    keep: str = "conversation"  # or program: the last one alone, as one answer
    distil: bool = False  # take what interventions said out of the prompts
    again: bool = False  # play whole conversations again
    planned: tuple[str, ...] = ()  # of a study that did not run: its overrides
    hold_out: tuple[str, ...] = ()  # tasks, families and levels
    validation: float = 0.1  # share of the runs of tasks that are trained on
    near: float = 0.95  # programs at least so alike count as one
    limits: Limits = field(default_factory=Limits)
    corrupt: float = 0.0  # share of the training examples that are spoilt
    corruption: str = MIXED
    pairs: bool = False  # preference pairs beside the examples
    mixed: bool = False  # several formats of prompt in one set
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        for name, value, choices in (
            ("keep", self.keep, KEEPS),
            ("corruption", self.corruption, CORRUPTIONS),
        ):
            if value not in choices:
                raise InputError(name, value, f"choose one of {', '.join(choices)}")
        for name, share in (("validation", self.validation), ("corrupt", self.corrupt)):
            if not 0 <= share <= 1 or (name == "validation" and share == 1):
                raise InputError(name, share, "give a share from 0 to 1")
        if not 0 < self.near <= 1:
            raise InputError("near", self.near, "give a share above 0; 1 = the same program")
        HoldOut.of(self.hold_out)


def collect(
    records: Iterable[EpisodeRecord],
    interventions: Callable[[EpisodeRecord], Interventions],
    how: Collection,
) -> Dataset:
    """Return the data set that records make; the same records in any order make the same.

    Args:
        records: of one or more studies.
        interventions: makes those of a record again, by name.
        how: what is wanted.

    Raises:
        InputError: nothing is left, formats are mixed, or too little can be spoilt.
    """
    left_out: Counter[str] = Counter()
    chosen = _chosen(records, how, left_out)
    formats = _formats(chosen, how)

    def owned(record: EpisodeRecord) -> Candidate:
        if record.outcome != "passed":
            raise LeftOutError("not observed" if record.success is None else "it failed")
        return own(record, interventions(record), how.keep, distil=how.distil, again=how.again)

    def shown(record: EpisodeRecord) -> Candidate:
        return gold(record, interventions(record), how.distil)

    def single(record: EpisodeRecord) -> Candidate:
        if record.success is None:
            raise LeftOutError("not observed")
        return alone(record, interventions(record), how.distil)

    makes = [make for make, on in ((owned, how.own), (shown, how.gold)) if on]
    found = [one for make in makes for one in _made(chosen, make, left_out)]
    hold_out = HoldOut.of(how.hold_out)
    runs = {
        (one.study_seed, one.run) for one in chosen if not hold_out.holds(one.family, one.level)
    }
    validating = validation_runs(runs, how.validation, how.seed)
    found = [replace(one, split=split_of(one, hold_out, validating)) for one in found]
    leaks = Leaks(hold_out, [one for one in found if one.split == "held_out"])
    kept = _filtered(found, leaks, how, left_out)
    if not kept:
        raise InputError("study", _told(chosen), f"no example is left ({_reasons(left_out)})")
    train = [one for one in kept if one.split == "train"]
    if how.corrupt:
        spoilt = corrupted(train, how.corrupt, how.corruption, how.seed)
        kept = sorted(
            [*spoilt, *(one for one in kept if one.split != "train")], key=lambda one: one.place
        )
    pair_left_out: Counter[str] = Counter()
    pairs: list[Pair] = []
    if how.pairs:
        singles = [
            replace(one, split=split_of(one, hold_out, validating))
            for one in _made(chosen, single, pair_left_out)
        ]
        pairs = _paired(singles, leaks, how, pair_left_out)
    about = {
        "selection": _selection(how),
        "studies": _studies(chosen),
        "formats": formats,
        "models": dict(sorted(Counter(one.record.model for one in kept).items())),
        "kinds": dict(sorted(Counter(one.kind for one in kept).items())),
        "validation_runs": [list(run) for run in sorted(validating)],
        "episodes": len(chosen),
        "left_out": dict(sorted(left_out.items())),
        "pairs_left_out": dict(sorted(pair_left_out.items())),
    }
    return Dataset(tuple(one.example for one in kept), tuple(pairs), about)


def _chosen(
    records: Iterable[EpisodeRecord], how: Collection, left_out: Counter[str]
) -> list[EpisodeRecord]:
    """Return the wanted records in canonical order, an episode of several studies once."""
    once: dict[str, EpisodeRecord] = {}
    for one in records:
        if not how.wanted.holds(one):
            continue
        other = once.setdefault(one.episode_id, one)
        if other is not one:
            left_out["recorded by another study too"] += 1
            # An outcome goes before none: one study may have observed what another could not.
            once[one.episode_id] = min(
                one, other, key=lambda same: (same.success is None, same.study, same.to_line())
            )
    if not once:
        raise InputError("study", "no episode", "none is the one asked for; choose others")
    return sorted(once.values(), key=lambda one: (one.sort_key, one.episode_id))


def _formats(chosen: Sequence[EpisodeRecord], how: Collection) -> dict[str, int]:
    """Return how many episodes there are of each format of prompt.

    Raises:
        InputError: there are several, and that was not asked for.
    """
    formats = Counter(map(_format, chosen))
    if len(formats) > 1 and not how.mixed:
        told = ", ".join(f"{name} ({count})" for name, count in sorted(formats.items()))
        remedy = "these are several formats of prompt; choose studies of one, or add --mixed"
        raise InputError("study", told, remedy)
    return dict(sorted(formats.items()))


def _format(record: EpisodeRecord) -> str:
    """Return the format of an episode's prompt: protocol, prompt, and its files where others."""
    named = f"{record_protocol(record)}/{record_prompt(record)}"
    try:
        scaffold = Scaffold(**record.config.get("scaffold", {}))
    except (InputError, TypeError):
        return f"{named}, unknown"
    ours = {prompt_sha256(scaffold), prompt_sha256(scaffold, scientist=True), ""}
    return named if record.prompt_sha256 in ours else f"{named}, files {record.prompt_sha256[:8]}"


def _made(records: Sequence[EpisodeRecord], make: Make, left_out: Counter[str]) -> list[Candidate]:
    made = []
    for record in records:
        try:
            made.append(make(record))
        except LeftOutError as error:
            left_out[str(error)] += 1
    return made


def _filtered(
    found: Sequence[Candidate], leaks: Leaks, how: Collection, left_out: Counter[str]
) -> list[Candidate]:
    """Return the candidates that stay, in canonical order."""
    kept = []
    for one in sorted(found, key=lambda one: one.place):
        reason = how.limits.exceeded(one) or _leak(one, leaks)
        if reason:
            left_out[reason] += 1
        else:
            kept.append(one)
    kept, same = distinct(kept)
    kept, alike = unlike(kept, how.near)
    kept, spare = capped(kept, how.limits.per_task, how.seed)
    for reason, some in (
        ("it says what another one says", same),
        ("its programs are nearly another one's", alike),
        ("its task has enough", spare),
    ):
        if some:
            left_out[reason] += len(some)
    return sorted(kept, key=lambda one: one.place)


def _paired(
    singles: Sequence[Candidate], leaks: Leaks, how: Collection, left_out: Counter[str]
) -> list[Pair]:
    fit = []
    for one in singles:
        if reason := how.limits.exceeded(one) or _leak(one, leaks):
            left_out[reason] += 1
        else:
            fit.append(one)
    pairs = paired(fit, how.limits.per_task, how.seed)
    if not pairs:
        remedy = (
            f"no prompt has both a program that passes and one that fails ({_reasons(left_out)})"
        )
        raise InputError("pairs", f"{len(fit)} programs", remedy)
    left_out["it has no partner, or its task has enough"] += len(fit) - 2 * len(pairs)
    return pairs


def _leak(one: Candidate, leaks: Leaks) -> str:
    if one.split != "held_out" and leaks.in_candidate(one):
        return "it holds something of a held-out task"
    return ""


def _selection(how: Collection) -> dict[str, Any]:
    told = asdict(how)
    told["wanted"] = {name: sorted(values) for name, values in told["wanted"].items()}
    told["hold_out"] = sorted(how.hold_out)
    return told


def _studies(chosen: Sequence[EpisodeRecord]) -> list[Mapping[str, Any]]:
    """Return the studies by name, each with how many episodes and a hash of their ids."""
    ids: dict[str, list[str]] = {}
    for one in chosen:
        ids.setdefault(one.study, []).append(one.episode_id)
    return [
        {
            "study": name,
            "episodes": len(own_ids),
            "episodes_sha256": hashlib.sha256(canonical_json(sorted(own_ids)).encode()).hexdigest(),
        }
        for name, own_ids in sorted(ids.items())
    ]


def _told(chosen: Sequence[EpisodeRecord]) -> str:
    return ", ".join(sorted({one.study for one in chosen}))


def _reasons(left_out: Counter[str]) -> str:
    told = [f"{count}: {reason}" for reason, count in left_out.most_common(4)]
    return "; ".join(told) or "none was asked for"
