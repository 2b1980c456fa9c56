"""What a study's folder says besides outcomes, gathered for its report: one pass over its records.

Memory holds sums and the smallest failed device of each cause, never all the records.
"""

import hashlib
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.report.recorded import CellUse, Example, Recorded
from diagnose.cli import commands
from diagnose.env.causes import CAUSES
from diagnose.errors import DiagnoseError
from diagnose.ledger import final_lines, parse_json, parts_of
from diagnose.records import EpisodeRecord

EXAMPLES = 4  # devices drawn


def gathered(source: Path, *, pictures: bool) -> Recorded:
    """Return what the records and the files beside them say.

    Args:
        source: the study's folder, or its ``episodes.jsonl``.
        pictures: whether devices are drawn, which takes about a second each.

    Raises:
        StoreError: no study is there, or its file is broken.
    """
    folder = source if source.is_dir() else source.parent
    files = parts_of(source)
    seconds: dict[str, float] = {}
    for home in [folder, *(file.parent for file in files)]:
        seconds |= _seconds(home / "timings.jsonl")
    sums = _Sums(seconds)
    for line, record in final_lines(source):
        sums.add(line, record)
    return Recorded(
        name=folder.resolve().name,
        settings=tuple(_settings(sums.config, _json(folder / "study.json"))),
        uses=tuple(sums.uses[cell] for cell in sorted(sums.uses)),
        retried=sum(map(_lines, files)) - sum(use.episodes for use in sums.uses.values()),
        causes={name: cause.sentence for name, cause in CAUSES.items()},
        examples=tuple(
            _example(record, source, pictures=pictures) for record in sums.examples(EXAMPLES)
        ),
        versions=tuple((name, ", ".join(sorted(found))) for name, found in _sorted(sums.versions)),
        hashes=tuple(_hashes(sums, _json(folder / "study.json"))),
        commands=tuple(commands.noted(folder)),
    )


class _Sums:
    """What is kept of the records that were read."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds
        self.uses: dict[str, CellUse] = {}
        self.causes: Counter[str] = Counter()
        self.smallest: dict[str, EpisodeRecord] = {}
        self.versions: dict[str, set[str]] = {}
        self.prompts: set[str] = set()
        self.config: Mapping[str, Any] = {}
        self._digests: list[bytes] = []

    def add(self, line: bytes, record: EpisodeRecord) -> None:
        """Take a record in, and the line it stood in."""
        used, own = record.own_usage, self.uses.get(record.cell, CellUse(record.cell))
        inherited = record.usage.turns - used.turns  # of the episode that a fork goes on from
        seconds = self._seconds.get(record.episode_id)
        ends = Counter(own.ends)
        ends[record.stop_reason] += 1
        self.uses[record.cell] = replace(
            own,
            episodes=own.episodes + 1,
            calls=own.calls + (len(record.calls) - inherited if record.calls else used.turns),
            turns=own.turns + used.turns,
            trials=own.trials + used.trials,
            tokens_in=own.tokens_in + used.input_tokens,
            tokens_out=own.tokens_out + used.output_tokens,
            usd=own.usd + used.cost_usd,
            seconds=own.seconds + (seconds or 0.0),
            timed=own.timed + (seconds is not None),
            ends=ends,
        )
        self._digests.append(hashlib.sha256(line).digest())
        self.prompts.add(record.prompt_sha256)
        self.config = self.config or record.config
        told = {**record.versions, "record schema": record.schema_version}
        for name, version in told.items():
            self.versions.setdefault(str(name), set()).add(str(version))
        if record.success is False and record.causes and record.circuit:
            cause = str(record.causes[0].get("cause"))
            self.causes[cause] += 1
            kept = self.smallest.get(cause)
            if kept is None or _size(record) < _size(kept):
                self.smallest[cause] = record

    def examples(self, most: int) -> list[EpisodeRecord]:
        """Return the smallest failed device of each of the most frequent causes."""
        ranked = sorted(self.causes, key=lambda cause: (-self.causes[cause], cause))
        return [self.smallest[cause] for cause in ranked[:most]]

    @property
    def digest(self) -> str:
        """A hash of all records, in whatever order they were written."""
        return hashlib.sha256(b"".join(sorted(self._digests))).hexdigest()


def _size(record: EpisodeRecord) -> tuple[int, tuple[str, str, int, str]]:
    blocks = (record.circuit or {}).get("blocks", ())
    return (len(blocks), record.sort_key)


def _sorted(versions: Mapping[str, set[str]]) -> list[tuple[str, set[str]]]:
    return sorted(versions.items())


def _lines(file: Path) -> int:
    """Return how many whole records a file holds, superseded ones included."""
    with file.open("rb") as handle:
        return sum(line.endswith(b"\n") for line in handle)


def _json(path: Path) -> Mapping[str, Any]:
    """Return a file's object; an empty one where there is none that can be read."""
    try:
        found = parse_json(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(path: Path) -> dict[str, float]:
    """Return how long each episode took, where a host noted it; a broken line is left out."""
    if not path.is_file():
        return {}
    found = {}
    with path.open("rb") as handle:
        for raw in handle:
            try:
                line = parse_json(raw)
                found[str(line["episode_id"])] = float(line["seconds"])
            except (ValueError, TypeError, KeyError):
                continue
    return found


def _settings(config: Mapping[str, Any], header: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the subject, how it was led and what it might use, in words."""
    subject = config.get("subject")
    kind = str(subject.get("_target_", "")) if isinstance(subject, Mapping) else ""
    told = [
        ("design", config.get("design", header.get("design"))),
        ("subject", kind.rpartition(".")[2]),
        ("its settings", _words(subject)),
        ("scaffold", _words(config.get("scaffold"))),
        ("budgets of an episode", _words(config.get("budgets"), nought="no limit")),
        ("limits of its programs", _words(config.get("limits"), nought="no limit")),
        ("world", _words(config.get("env"))),
        ("setting", config.get("setting", "independent")),
        ("seed", config.get("seed")),
    ]
    return [(name, str(words)) for name, words in told if words not in (None, "")]


def _words(value: object, nought: str = "0") -> str:
    """Return a part of a configuration as one line."""
    if isinstance(value, Mapping):
        parts = [
            f"{name} {_words(inner, nought)}"
            for name, inner in value.items()
            if not str(name).startswith("_") and inner not in (None, "", {}, [])
        ]
        return ", ".join(parts)
    if isinstance(value, list | tuple):
        return " ".join(_words(one) for one in value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return f"{value:,}" if value else nought
    return "" if value is None else str(value)


def _hashes(sums: _Sums, header: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("SHA-256 of the records' lines", sums.digest),
        ("SHA-256 of the schedule", str(header.get("schedule_sha256", "not recorded"))),
        ("SHA-256 of the prompts", ", ".join(sorted(filter(None, sums.prompts))) or "not recorded"),
    ]


def _example(record: EpisodeRecord, source: Path, *, pictures: bool) -> Example:
    first = record.causes[0]
    cause = str(first.get("cause"))
    known = CAUSES.get(cause)
    named = ["--task", record.task, "--run", str(record.run), "--cell", record.cell]
    drawn = _drawn(record) if pictures else ("", b"")
    return Example(
        cause=cause,
        sentence=known.sentence
        if known
        else str(first.get("sentence", "a cause of another version")),
        law=str(first.get("law") or ""),
        capacity=str(first.get("capacity_by_convention") or "not said"),
        model=record.model,
        task=record.task,
        run=record.run,
        cell=record.cell,
        blocks=_size(record)[0],
        moment=drawn[0],
        command=shlex.join(["diagnose", "show", str(source), *named]),
        png=drawn[1],
    )


def _drawn(record: EpisodeRecord) -> tuple[str, bytes]:
    """Return the moment at which most lamps are lit and the device then; empty if it cannot be."""
    from diagnose.env.circuit import Circuit
    from diagnose.env.engine import press
    from diagnose.logs.drawn import png
    from diagnose.tasks import family_of, task

    try:
        own = task(record.task)
        circuit = Circuit.from_json(record.circuit, own.area_side)
        trace = press(circuit, own.area_side, last_fall_rt=family_of(own).last_fall_rt(own))
    except DiagnoseError:  # a task of another version, or a circuit that no host of ours recorded
        return "", b""
    at_rt = trace.brightest_rt()
    return f"drawn at t = {at_rt:g} rt", png(circuit, at_rt)
