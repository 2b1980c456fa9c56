"""The lines that ``diagnose plan`` prints. Nothing here calls a model or a network."""

import contextlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnose.cli.composed import Study
from diagnose.cli.forecast import CHARACTERS_PER_TOKEN, LEVEL, Range, ceiling, total
from diagnose.design import Cell, EpisodePlan, cells
from diagnose.episode import ENV
from diagnose.errors import DiagnoseError, StoreError
from diagnose.index import observed, studies_beside
from diagnose.intervention import SHAM, Setting
from diagnose.ledger import parse_json, parts_of, read_records
from diagnose.progress import duration
from diagnose.records import EpisodeRecord
from diagnose.remote.address import shown
from diagnose.subjects.briefing import SHOWN_VALUE
from diagnose.subjects.laid import Laid
from diagnose.subjects.stage import Stage

_ANSWER_TOKENS = 8192  # of one answer, where the subject sets no limit
_FRAME = 1_000  # characters of an observation besides what the program printed and returned
_PAID = "diagnose.models.litellm."
_OWN = ("diagnose.models.reference.", "diagnose.models.scripted.")


@dataclass(frozen=True)
class Seen:
    """Episodes that tell what the ones to come will use."""

    records: Sequence[EpisodeRecord]
    seconds: Mapping[str, float]  # by episode, where a host noted them
    where: str

    def by_cell(self, used: str) -> dict[str, list[float]]:
        """Return what each episode used, by cell."""
        found: dict[str, list[float]] = {}
        for record in self.records:
            found.setdefault(record.cell, []).append(float(getattr(record.usage, used)))
        return found

    def seconds_by_cell(self) -> dict[str, list[float]]:
        """Return how long each episode took, by cell."""
        found: dict[str, list[float]] = {}
        for record in self.records:
            if record.episode_id in self.seconds:
                found.setdefault(record.cell, []).append(self.seconds[record.episode_id])
        return found


def planned(study: Study, pilot: Path | None, found: Sequence[str] = ()) -> list[str]:
    """Return what is to be said of a study before it runs.

    Args:
        study: as configured.
        pilot: a study's folder; None for the study's own, where it has begun.
        found: what the design can find, in lines.

    Raises:
        StoreError: the pilot's folder, or the study's, is none or broken.
    """
    own = seen_in(study.folder) if parts_of(study.folder) else None
    source = seen_in(pilot) if pilot else own
    ids = {study.identify(plan): plan for plan in study.plans}
    done = {one.episode_id for one in own.records if one.episode_id in ids} if own else set()
    # An episode not observed is recorded; it runs again only where that was asked for.
    causes = _not_observed(study.folder, ids) if own else {}
    missing = causes.keys()
    again = {key for key, cause in causes.items() if study.policy.again(cause)}
    open_ids = {
        key: plan
        for key, plan in ids.items()
        if key not in done | (missing - again) and not (study.stops(plan) or study.spare(plan))
    }
    beside = _beside(study, {key for key, plan in open_ids.items() if not study.waits(plan)})
    left = [plan for key, plan in open_ids.items() if key not in beside]
    lines = [*_design(study), "", *found, *([""] if found else [])]
    lines.append(_standing(study, len(done), (len(missing), len(again)), len(left), len(beside)))
    if not left:
        return lines
    if source and source.records:
        lines += _expected(study, left, source)
    else:
        lines += _at_most(study, left)
    return [*lines, "Nobody was called."]


def _design(study: Study) -> list[str]:
    config = study.config
    codes = [cell.code for cell in cells(study.factors, config.design)]
    width = max(len(factor.name) for factor in study.factors)
    rows = [
        f"  {factor.name:{width}}  {factor.capacity:15}  {_doses(factor.levels)}"
        for factor in study.factors
    ]
    shown = codes if len(codes) <= 32 else [*codes[:31], f"and {len(codes) - 31} more"]
    return [
        (
            f"{config.name}: {config.design}, {len(codes)} cells x {_each(study)} = "
            f"{study.episodes:,} episodes, seed {config.seed}"
        ),
        f"Subject: {study.model.name}",
        "Factors, in the order of a cell's digits:",
        *rows,
        f"Cells: {' '.join(shown)}",
        f"Tasks: {' '.join(study.tasks)}",
    ]


def _each(study: Study) -> str:
    """Return what there is an episode of in each cell."""
    if study.forked:
        return study.forked.told
    mean = " on average" if study.allocation else ""
    return f"{len(study.tasks)} tasks x {study.config.runs} runs{mean}"


def _doses(levels: Iterable[int]) -> str:
    names = {0: "off", 1: "on", SHAM: "sham"}
    return ", ".join(names.get(level, f"dose {level}") for level in levels)


def _beside(study: Study, wanted: Set[str]) -> set[str]:
    """Return those of the episodes that studies beside this one hold, to be taken over."""
    found: set[str] = set()
    for source in studies_beside(study.folder) if study.config.reuse and wanted else ():
        with contextlib.suppress(StoreError):  # what cannot be read is run again
            found |= observed(source, wanted).keys()
    return found


def _standing(study: Study, done: int, lost: tuple[int, int], left: int, beside: int) -> str:
    told = f"{shown(study.folder)}: {done:,} recorded"
    missing, again = lost
    if missing:
        what = "kept so" if not again else "to run again"
        what = what if again in {0, missing} else f"{again:,} of them to run again"
        told += f", {missing:,} not observed ({what})"
    if beside:
        told += f", {beside:,} to be taken over"
    return f"{told}, {left:,} to run"


def _expected(study: Study, left: Sequence[EpisodePlan], seen: Seen) -> list[str]:
    """Return what the episodes to come will use, by what others used."""
    to_run = Counter(plan.cell for plan in left)
    tokens_in = total(seen.by_cell("input_tokens"), to_run)
    tokens_out = total(seen.by_cell("output_tokens"), to_run)
    turns = total(seen.by_cell("turns"), to_run)
    lines = [
        (
            f"Expected of these, from {len(seen.records):,} episodes of {seen.where}, cell by cell "
            f"({LEVEL:.0%} normal range of the sum):"
        ),
        f"  input tokens   {_amount(tokens_in)}",
        f"  output tokens  {_amount(tokens_out)}",
        f"  calls          {_amount(turns)}",
        f"  cost           {_dollars(study, seen, to_run, tokens_in, tokens_out)}",
        f"  time           {_time(study, seen, to_run, turns, tokens_in, tokens_out)}",
    ]
    strange = sorted({plan.task for plan in left} - {one.task for one in seen.records})
    if strange:
        named = " ".join(strange[:8]) + (" ..." if len(strange) > 8 else "")
        lines.append(
            f"None of {named} is among them: other tasks stand in, and harder ones may use more."
        )
    models = {one.model for one in seen.records} - {study.model.name}
    if models:
        lines.append(f"They are of {', '.join(sorted(models))}: another subject may use more.")
    return lines


def _dollars(
    study: Study, seen: Seen, to_run: Mapping[str, int], tokens_in: Range, tokens_out: Range
) -> str:
    if is_own(study):
        return "$0: this subject answers on this machine"
    if {one.model for one in seen.records} == {study.model.name}:
        billed = total(seen.by_cell("cost_usd"), to_run)
        if billed.expected:
            return _amount(billed, "$", 2) + " as billed there" + _capped(study, billed.high)
    price = price_of(study)
    if price is None:
        return "unknown: give subject.price={input_usd_per_mtok: ..., output_usd_per_mtok: ...}"
    ends = [
        None if into is None or out is None else (into * price[0] + out * price[1]) / 1e6
        for into, out in (
            (tokens_in.expected, tokens_out.expected),
            (tokens_in.low, tokens_out.low),
            (tokens_in.high, tokens_out.high),
        )
    ]
    billed = Range(ends[0] or 0.0, ends[1], ends[2])
    return f"{_amount(billed, '$', 2)} at {_price_told(price)}" + _capped(study, billed.high)


def _time(
    study: Study,
    seen: Seen,
    to_run: Mapping[str, int],
    turns: Range,
    tokens_in: Range,
    tokens_out: Range,
) -> str:
    """Return the longest of what workers and the provider's limits allow."""
    subject = study.config.subject
    bounds = []
    seconds = seen.seconds_by_cell()
    if seconds:
        spent = total(seconds, to_run)
        at_once = min(_at_once(study), sum(to_run.values()))
        bounds.append((spent.expected / at_once, f"{at_once} at once"))
    for limit, amount in (
        ("rpm", turns.expected),
        ("tpm", tokens_in.expected + tokens_out.expected),
    ):
        most = subject.get(limit) or 0
        if most:
            bounds.append((60 * amount / most, f"subject.{limit}={most:g}"))
    if not bounds:
        return "unknown: no timings there"
    longest_s, why = max(bounds)
    return f"about {duration(longest_s)} ({why})"


def _at_once(study: Study) -> int:
    """Return how many episodes run at the same time."""
    workers = study.policy.worker_count
    return workers * study.policy.slots(study.concurrency, workers)


def _at_most(study: Study, left: Sequence[EpisodePlan]) -> list[str]:
    """Return a ceiling: every turn taken and every text as long as it may be."""
    if is_own(study):
        return [
            (
                "This subject answers on this machine: it costs nothing. How long it takes is "
                "known once some of it has run."
            )
        ]
    budgets = study.budgets
    answer = study.config.subject.get("max_tokens") or _ANSWER_TOKENS
    shown = study.limits.printed + SHOWN_VALUE + _FRAME
    openings = _openings(study, left)
    tokens_in = tokens_out = 0
    for plan in left:
        most = ceiling(
            openings[plan.task, plan.cell], shown, int(answer), budgets.turns, budgets.tokens
        )
        tokens_in += most.input_tokens
        tokens_out += most.output_tokens
    price = price_of(study)
    cost = "unknown: give subject.price"
    if price:
        usd = (tokens_in * price[0] + tokens_out * price[1]) / 1e6
        cost = f"${usd:,.2f} at {_price_told(price)}" + _capped(study, usd)
    return [
        (
            f"At most, an upper bound no study comes near: all {budgets.turns} turns of every "
            f"episode, every text as long as it may be, {CHARACTERS_PER_TOKEN} characters a token:"
        ),
        f"  input tokens   {tokens_in:,}",
        f"  output tokens  {tokens_out:,}",
        f"  calls          {len(left) * budgets.turns:,}",
        f"  cost           {cost}",
        (
            "For what to expect, run a part of it (study.runs=1, fewer tasks, another study.name) "
            "and name its folder: --pilot FOLDER."
        ),
    ]


def _openings(study: Study, left: Sequence[EpisodePlan]) -> dict[tuple[str, str], int]:
    """Return the characters of prompt and first message, by task and cell; no process starts."""
    sizes: dict[tuple[str, str], int] = {}
    for plan in left:
        if (plan.task, plan.cell) in sizes:
            continue
        episode = study.episode(plan)
        names = study.variant_of(Cell.from_code(plan.cell))
        # Laid over no episode: nobody is there to be asked.
        setting = Setting(episode.task, episode.seed_path, names, lambda *_: "")
        laid = [
            Laid(name, dose, episode.interventions[name], setting)
            for name, dose in zip(episode.factors, episode.doses, strict=True)
            if dose and name != ENV
        ]
        stage = Stage(
            episode.task,
            episode.family,
            episode.budgets,
            episode.limits,
            episode.seed_path,
            episode.variant,
            laid,
            episode.scaffold,
        )
        sizes[plan.task, plan.cell] = sum(len(message.content) for message in stage.opening)
    return sizes


def is_own(study: Study) -> bool:
    """Whether the subject answers on this machine, at no cost."""
    return str(study.config.subject.get("_target_")).startswith(_OWN)


def price_of(study: Study) -> tuple[float, float] | None:
    """Return dollars per million input and output tokens: as configured, else as listed."""
    given = study.config.subject.get("price")
    if isinstance(given, Mapping):
        return float(given["input_usd_per_mtok"]), float(given["output_usd_per_mtok"])
    if not str(study.config.subject.get("_target_")).startswith(_PAID):
        return None
    listed: Any = getattr(study.model, "listed_price", None)
    found: tuple[float, float] | None = listed() if listed else None
    return found


def _price_told(price: tuple[float, float]) -> str:
    return f"${price[0]:g} and ${price[1]:g} per million tokens in and out"


def _capped(study: Study, usd: float | None) -> str:
    cap = study.config.caps.get("usd") or 0
    return f"; caps.usd={cap:g} may end it first" if cap and usd and usd > cap else ""


def _amount(found: Range, sign: str = "", digits: int = 0) -> str:
    told = f"{sign}{found.expected:,.{digits}f}"
    if found.low is None or found.high is None:
        return f"{told} (one episode seen: no range)"
    return f"{told} [{sign}{found.low:,.{digits}f}, {sign}{found.high:,.{digits}f}]"


def seen_in(folder: Path) -> Seen:
    """Return a study's observed episodes, and how long they took."""
    records = [one for one in read_records(folder) if one.outcome != "not_observed"]
    home = folder if folder.is_dir() else folder.parent
    seconds: dict[str, float] = {}
    for one in {home, *(file.parent for file in parts_of(folder))}:
        seconds |= _seconds(one / "timings.jsonl")
    return Seen(records, seconds, str(folder))


def _not_observed(folder: Path, ids: Mapping[str, EpisodePlan]) -> dict[str, str]:
    """Return why episodes were not observed: the first word of it."""
    return {
        one.episode_id: one.missing_cause.partition(":")[0]
        for one in read_records(folder)
        if one.outcome == "not_observed" and one.episode_id in ids
    }


def _seconds(path: Path) -> dict[str, float]:
    """Return seconds by episode; what cannot be read is as if it had not been noted."""
    found: dict[str, float] = {}
    if not path.is_file():
        return found
    for raw in path.read_bytes().splitlines():
        try:
            line = parse_json(raw)
            seconds = float(line["seconds"])
        except (ValueError, TypeError, KeyError, DiagnoseError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            found[str(line.get("episode_id"))] = seconds
    return found
