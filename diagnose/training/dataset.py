"""The folder that a treatment is trained on: ``examples.jsonl``, ``pairs.jsonl``, ``data.json``.

A line of ``examples.jsonl`` is a conversation in the chat format that training tools read, with
where it comes from; a line of ``pairs.jsonl`` is a prompt with a chosen and a rejected answer.
``data.json`` says how they were selected and holds their hashes. Same selection, same bytes.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, get_args

from diagnose.errors import InputError
from diagnose.records import canonical_json
from diagnose.training.messages import Chat, checked, shown
from diagnose.whole_file import write_whole

SCHEMA_VERSION = 1
EXAMPLES, PAIRS, ABOUT = "examples.jsonl", "pairs.jsonl", "data.json"
Split = Literal["train", "validation", "held_out"]
SPLITS: tuple[Split, ...] = get_args(Split)
KINDS = ("own", "gold", "corpus")


@dataclass(frozen=True)
class Source:
    """Where an example comes from."""

    episode_id: str
    task: str
    family: str
    level: int
    run: int
    cell: str
    kind: str  # own: the subject's own; gold: of the full-knowledge builder; corpus: made otherwise
    model: str = ""
    study_seed: int = 0
    rejected_episode_id: str = ""  # of a pair

    @classmethod
    def of(cls, data: object, where: str) -> Self:
        """Return the source that a file holds.

        Raises:
            InputError: a field is missing, of another type or unknown.
        """
        remedy = f"give an object with {', '.join(cls.__dataclass_fields__)}"
        try:
            made = cls(**data)  # type: ignore[arg-type]  # checked below
        except TypeError as error:
            raise InputError(where, shown(data), remedy) from error
        for name, one in cls.__dataclass_fields__.items():
            if type(getattr(made, name)) is not one.type:
                raise InputError(f"{where}.{name}", shown(getattr(made, name)), remedy)
        if made.kind not in KINDS:
            raise InputError(f"{where}.kind", made.kind, f"choose one of {', '.join(KINDS)}")
        return made


@dataclass(frozen=True)
class Example:
    """A conversation to learn from: its assistant's messages are the target."""

    messages: Chat
    split: Split
    source: Source
    corrupted: str = ""  # how its last reply was spoilt; empty: it is as it was
    tools: tuple[Mapping[str, Any], ...] = ()  # that the subject was offered, in OpenAI's form

    def to_json(self) -> dict[str, Any]:
        """Return the form that a line holds, without tools where there are none."""
        data = asdict(self)
        return data if self.tools else {k: v for k, v in data.items() if k != "tools"}

    @classmethod
    def of(cls, data: Mapping[str, Any], where: str) -> Self:
        """Return the example that a line holds.

        Raises:
            InputError: it is none.
        """
        messages = checked(data.get("messages"), f"{where}.messages")
        if messages[-1]["role"] != "assistant":
            raise InputError(f"{where}.messages", messages[-1]["role"], "end with the assistant")
        corrupted, tools = data.get("corrupted", ""), data.get("tools", [])
        if not isinstance(corrupted, str):
            raise InputError(f"{where}.corrupted", shown(corrupted), "give a text")
        if not isinstance(tools, list) or not all(isinstance(one, dict) for one in tools):
            raise InputError(f"{where}.tools", shown(tools), "give a list of objects")
        source = Source.of(data.get("source"), f"{where}.source")
        return cls(messages, _split(data, where), source, corrupted, tuple(tools))


@dataclass(frozen=True)
class Pair:
    """One prompt with an answer that passed and one that failed, for preference training."""

    prompt: Chat
    chosen: Chat
    rejected: Chat
    split: Split
    source: Source

    def to_json(self) -> dict[str, Any]:
        """Return the form that a line holds."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any], where: str) -> Self:
        """Return the pair that a line holds.

        Raises:
            InputError: it is none.
        """
        prompt, chosen, rejected = (
            checked(data.get(name), f"{where}.{name}") for name in ("prompt", "chosen", "rejected")
        )
        source = Source.of(data.get("source"), f"{where}.source")
        return cls(prompt, chosen, rejected, _split(data, where), source)


def _split(data: Mapping[str, Any], where: str) -> Split:
    for split in SPLITS:
        if data.get("split") == split:
            return split
    raise InputError(f"{where}.split", shown(data.get("split")), f"one of {', '.join(SPLITS)}")


@dataclass(frozen=True)
class Dataset:
    """Examples, pairs, and what ``data.json`` says of them besides their counts and hashes."""

    every_example: tuple[Example, ...]
    every_pair: tuple[Pair, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def examples(self, split: Split | None = None) -> list[Example]:
        """Return the examples of a split; all unless told."""
        return [one for one in self.every_example if split in (None, one.split)]

    def pairs(self, split: Split | None = None) -> list[Pair]:
        """Return the pairs of a split; all unless told."""
        return [one for one in self.every_pair if split in (None, one.split)]

    def write(self, folder: Path | str) -> dict[str, Any]:
        """Write the folder and return what ``data.json`` says.

        A folder that holds such data already is written over, another one is refused.

        Raises:
            InputError: the place holds something else.
        """
        home = Path(folder)
        writable(home)
        home.mkdir(parents=True, exist_ok=True)
        files = {EXAMPLES: _lines(self.every_example)}
        if self.every_pair:  # an empty file is none that readers of JSON lines take
            files[PAIRS] = _lines(self.every_pair)
        about = {
            **self.about,
            "schema_version": SCHEMA_VERSION,
            "counts": _counts(self.every_example, self.every_pair),
            "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
        # The description goes first and comes last: no reader finds it beside others' lines.
        for name in (ABOUT, PAIRS):
            (home / name).unlink(missing_ok=True)
        text = json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        for name, data in {**files, ABOUT: f"{text}\n".encode()}.items():
            write_whole(home / name, data)
        return about

    @classmethod
    def read(cls, folder: Path | str) -> Self:
        """Read a folder.

        Raises:
            InputError: it holds no such data, a line is broken, or a file is not the one that
                ``data.json`` was written for.
        """
        home = Path(folder)
        about = _object(_bytes(home / ABOUT), str(home / ABOUT))
        if about.get("schema_version") != SCHEMA_VERSION:
            version = about.get("schema_version")
            remedy = f"this version reads {SCHEMA_VERSION}; collect the data again"
            raise InputError(f"{home / ABOUT}: schema_version", version, remedy)
        sums = about.get("sha256")
        sums = sums if isinstance(sums, Mapping) else {}
        if EXAMPLES not in sums:
            raise InputError(f"{home / ABOUT}: sha256", sums, f"name the hash of {EXAMPLES}")
        examples = [Example.of(*line) for line in _read(home / EXAMPLES, sums[EXAMPLES])]
        pairs = (
            [Pair.of(*line) for line in _read(home / PAIRS, sums[PAIRS])] if PAIRS in sums else []
        )
        own = {"schema_version", "counts", "sha256"}
        rest = {key: value for key, value in about.items() if key not in own}
        return cls(tuple(examples), tuple(pairs), rest)


def writable(folder: Path) -> None:
    """Refuse a place that holds something else than such data.

    Raises:
        InputError: it does.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("out", str(folder), "is a file; name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / ABOUT).is_file():
        raise InputError("out", str(folder), f"holds something else than {ABOUT}; name another")


def _lines(rows: Iterable[Example | Pair]) -> bytes:
    return "".join(canonical_json(row.to_json()) + "\n" for row in rows).encode()


def _counts(examples: Sequence[Example], pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return how many there are of what, by split."""
    told: dict[str, Any] = {}
    for split in SPLITS:
        own = [one for one in examples if one.split == split]
        tasks: dict[str, int] = {}
        for one in own:
            tasks[one.source.task] = tasks.get(one.source.task, 0) + 1
        told[split] = {
            "examples": len(own),
            "corrupted": sum(bool(one.corrupted) for one in own),
            "pairs": sum(one.split == split for one in pairs),
            "tasks": tasks,
        }
    return told


def _read(path: Path, wanted: object) -> list[tuple[Mapping[str, Any], str]]:
    """Return the lines of a file, each with its place."""
    raw = _bytes(path)
    if hashlib.sha256(raw).hexdigest() != wanted:
        remedy = f"it was changed since {ABOUT} was written; collect the data again"
        raise InputError(str(path), f"{len(raw)} bytes of another hash", remedy)
    places = ((line, f"{path}: line {n}") for n, line in enumerate(raw.split(b"\n"), 1) if line)
    return [(_object(line, where), where) for line, where in places]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        remedy = "name a folder that diagnose collect wrote"
        raise InputError("data", str(path), f"cannot be read; {remedy}") from error


def _object(raw: bytes, where: str) -> Mapping[str, Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(where, shown(raw), "is no JSON object") from error
    if not isinstance(data, dict):
        raise InputError(where, shown(raw), "is no JSON object")
    return data
