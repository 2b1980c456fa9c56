"""Public data sets' own rows as supervised data: JSON, JSON Lines or Parquet to a data folder.

A layout is known by its columns; what else a file has is left. Every row is a conversation, or a
prompt with a better and a worse answer, of which the better one is an example as well.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.seeds import uniform
from diagnose.training.dataset import Dataset, Example, Pair, Source, Split
from diagnose.training.messages import Chat, alternates, checked, key_of, marked, shown

BETTER = "better_response_id"  # of PKU-SafeRLHF; the safer one is safer_response_id
FORMATS = (".jsonl", ".json", ".parquet")
Row = Mapping[str, Any]
Read = Callable[[Row, str], "Said"]  # of a row and its place


@dataclass(frozen=True)
class Said:
    """What a row says: a prompt, its answer, and of preferences a worse one."""

    prompt: list[dict[str, str]]
    answer: list[dict[str, str]]
    worse: list[dict[str, str]] | None = None

    @property
    def chats(self) -> list[list[dict[str, str]]]:
        """The whole conversations."""
        return [[*self.prompt, *one] for one in (self.answer, self.worse) if one is not None]


def _text(row: Row, column: str, where: str) -> str:
    value = row.get(column)
    if not isinstance(value, str):
        raise InputError(f"{where}: {column}", shown(value), "give a text")
    return value


def _one(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def _chat(row: Row, column: str, where: str) -> list[dict[str, str]]:
    """Return a column of messages, each with its role and content alone."""
    value = row.get(column)
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise InputError(f"{where}: {column}", shown(value), "give a list of messages")
    bare = [{"role": one.get("role"), "content": one.get("content")} for one in value]
    return [dict(one) for one in checked(bare, f"{where}: {column}")]


def _asked(question: str, answer: str) -> Read:
    """Return what reads a question's column and an answer's."""
    return lambda row, where: Said(
        _one("user", _text(row, question, where)), _one("assistant", _text(row, answer, where))
    )


def _instructed(row: Row, where: str) -> Said:
    asked = _text(row, "instruction", where)
    more = _text(row, "input", where) if "input" in row else ""
    told = f"{asked}\n\n{more}" if more.strip() else asked
    return Said(_one("user", told), _one("assistant", _text(row, "output", where)))


def _conversed(row: Row, where: str) -> Said:
    chat = _chat(row, "messages", where)
    return Said(chat[:-1], chat[-1:])


def _numbered(prefer: str) -> Read:
    """Return what reads two numbered answers; the column ``prefer`` has the better one's number."""

    def read(row: Row, where: str) -> Said:
        best = row.get(prefer)
        if type(best) is not int or best not in (0, 1):
            raise InputError(f"{where}: {prefer}", shown(best), "give 0 or 1")
        good, bad = (_text(row, f"response_{n}", where) for n in (best, 1 - best))
        asked = _one("user", _text(row, "prompt", where))
        return Said(asked, _one("assistant", good), _one("assistant", bad))

    return read


def _compared(row: Row, where: str) -> Said:
    """Read a chosen and a rejected answer: as texts beside a prompt, or as whole conversations."""
    if isinstance(row.get("chosen"), str):
        good, bad = (_one("assistant", _text(row, name, where)) for name in ("chosen", "rejected"))
        return Said(_one("user", _text(row, "prompt", where)), good, bad)
    chosen, rejected = (_chat(row, name, where) for name in ("chosen", "rejected"))
    if chosen[:-1] != rejected[:-1]:
        remedy = "two conversations of one pair differ in their last message alone"
        raise InputError(f"{where}: rejected", shown(rejected[:-1]), remedy)
    if len(chosen) == 1:  # the answers alone
        return Said(_one("user", _text(row, "prompt", where)), chosen, rejected)
    return Said(chosen[:-1], chosen[-1:], rejected[-1:])


def layouts(prefer: str = BETTER) -> Mapping[tuple[str, ...], Read]:
    """Return the known layouts by the columns that they need; the first that is there is taken."""
    return {
        ("prompt", "response_0", "response_1", prefer): _numbered(prefer),  # PKU-SafeRLHF, Beaver
        ("chosen", "rejected"): _compared,  # UltraFeedback, binarised
        ("messages",): _conversed,  # NuminaMath-CoT
        ("problem", "solution"): _asked("problem", "solution"),  # NuminaMath-CoT without messages
        ("instruction", "output"): _instructed,  # Alpaca
        ("query", "response"): _asked("query", "response"),  # MetaMath
    }


def read_rows(path: Path) -> Iterator[tuple[Row, str]]:
    """Yield a file's rows, each with its place for messages.

    Raises:
        InputError: it cannot be read, is of another format, or a row is no object.
    """
    try:
        for number, row in enumerate(_rows(path), 1):
            where = f"{path.name}: row {number}"
            if not isinstance(row, Mapping):
                raise InputError(where, shown(row), "give an object with columns")
            yield row, where
    except (OSError, ValueError, RecursionError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError("--rows", str(path), f"it cannot be read: {told}") from error


def _rows(path: Path) -> Iterator[object]:
    if path.suffix not in FORMATS:
        raise InputError("--rows", str(path), f"give a file of {', '.join(FORMATS)}")
    if path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())
    elif path.suffix == ".json":
        whole = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(whole, list):
            raise InputError("--rows", str(path), "a .json holds one list of rows")
        yield from whole
    else:
        try:
            from pyarrow.parquet import ParquetFile
        except ImportError as error:
            remedy = 'Parquet needs pyarrow: pip install -e ".[train]", or give JSON Lines'
            raise InputError("--rows", str(path), remedy) from error
        with ParquetFile(path) as file:
            for batch in file.iter_batches(1024):
                yield from batch.to_pylist()


def converted(
    files: Sequence[Path], validation: float = 0.1, seed: int = 0, prefer: str = BETTER
) -> Dataset:
    """Return the data set that files of one layout or several make.

    Args:
        files: of rows.
        validation: share of the prompts that validate; at least one if there are two.
        seed: of the draw.
        prefer: the column that numbers the better of two answers.

    Raises:
        InputError: a file has no known layout, a row is not of its file's, or nothing is left.
    """
    if not 0 <= validation < 1:
        raise InputError("--validation", validation, "give a share from 0 to below 1")
    left_out: Counter[str] = Counter()
    once: dict[str, tuple[Said, Source]] = {}
    about: list[Mapping[str, Any]] = []
    for path in files:
        count = 0
        columns: tuple[str, ...] = ()
        read: Read | None = None
        for count, (row, where) in enumerate(read_rows(path), 1):
            if read is None:
                columns, read = _layout(path, row, prefer)
            if missing := [name for name in columns if name not in row]:
                raise InputError(where, sorted(row), f"its first row has {', '.join(missing)}")
            said = read(row, where)
            key = "\n".join(key_of(checked(chat, where)) for chat in said.chats)
            reason = _fault(said) or ("it says what another one says" if key in once else "")
            if reason:
                left_out[reason] += 1
            else:
                source = Source("", path.stem, "", 0, run=count - 1, cell="", kind="corpus")
                once[key] = said, source
        if not count:
            raise InputError("--rows", str(path), "it has no rows")
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        about.append({"file": path.name, "sha256": digest, "rows": count, "columns": [*columns]})
    if not once:
        reasons = "; ".join(f"{reason}: {n}" for reason, n in sorted(left_out.items()))
        raise InputError("--rows", [path.name for path in files], f"no row is left ({reasons})")
    told: dict[str, Any] = {
        "selection": {"validation": validation, "seed": seed, "prefer": prefer},
        "rows": about,
        "left_out": dict(sorted(left_out.items())),
        "pairs_left_out": {},
    }
    return _dataset(list(once.values()), validation, seed, told)


def _layout(path: Path, row: Row, prefer: str) -> tuple[tuple[str, ...], Read]:
    for columns, read in layouts(prefer).items():
        if all(name in row for name in columns):
            return columns, read
    known = "; ".join(", ".join(columns) for columns in layouts(prefer))
    remedy = f"these columns are no known layout; rename them to one of: {known}"
    raise InputError(f"--rows: {path.name}", sorted(row), remedy)


def _fault(said: Said) -> str:
    """Return why a row is left out; nothing if it stays."""
    if not all(one["content"].strip() for chat in said.chats for one in chat):
        return "a text is empty"
    if not all(map(alternates, said.chats)):
        return "it does not go to and fro"
    if any(map(marked, said.chats)):
        return "it holds marks of a chat template"
    if said.worse is not None and key_of(said.worse) == key_of(said.answer):
        return "both answers are the same"
    return ""


def _dataset(
    kept: Sequence[tuple[Said, Source]], validation: float, seed: int, about: Mapping[str, Any]
) -> Dataset:
    """Part the prompts and return the set: rows with one prompt are in one split."""
    prompts = {key_of(said.prompt) for said, _ in kept}
    count = int(validation * len(prompts) + 0.5)
    count = max(count, 1) if validation and len(prompts) > 1 else count
    validating = set(sorted(prompts, key=lambda key: (uniform(seed, "rows", key), key))[:count])
    examples: list[Example] = []
    pairs: list[Pair] = []
    for said, source in kept:
        split: Split = "validation" if key_of(said.prompt) in validating else "train"
        prompt: Chat = tuple(said.prompt)
        examples.append(Example((*prompt, *said.answer), split, source))
        if said.worse is not None:
            pairs.append(Pair(prompt, tuple(said.answer), tuple(said.worse), split, source))
    return Dataset(tuple(examples), tuple(pairs), about)
