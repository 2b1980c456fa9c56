"""``diagnose logs``: a study in the formats of other tools: Inspect's logs, or chat lines."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.cli.main import OK
from diagnose.errors import ConfigError, InputError
from diagnose.ledger import parts_of

if TYPE_CHECKING:
    from diagnose.records import EpisodeRecord

FORMATS = {
    "eval": "Inspect logs (.eval), one per model and cell, for inspect view and samples_df",
    "chat": "JSON Lines, a conversation a line with the rest of its record as metadata",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    from diagnose.cli.chosen import add_choice

    add_choice(parser)
    told = "; ".join(f"{name}: {said}" for name, said in FORMATS.items())
    parser.add_argument("--to", choices=FORMATS, required=True, help=told)
    parser.add_argument(
        "-o", "--out", type=Path, help="a folder for eval, a file for chat; else in the study"
    )


def main(given: argparse.Namespace) -> int:
    """Write the logs and print where.

    Raises:
        ConfigError: the extra that writes Inspect's logs is not installed.
        InputError: no such episode, or a place that cannot be used.
        StoreError: no study is there, or its file is broken.
    """
    from diagnose.cli.chosen import chosen, folder_of

    records = chosen(given)
    home = folder_of(given.study)
    if given.to == "chat":
        return _chat(records, given.out or home / "chat.jsonl")
    return _eval(records, given.out or home / "inspect", _written_at(given.study))


def _chat(records: "Sequence[EpisodeRecord]", out: Path) -> int:
    from diagnose.logs.chat import chat_line
    from diagnose.whole_file import write_whole

    if out.is_dir():
        raise InputError("out", str(out), "is a folder; name a file")
    talked = [record for record in records if record.transcript]
    if silent := len(records) - len(talked):
        print(f"{silent} episodes have no transcript and are left out", file=sys.stderr)
    # A text may hold half a surrogate pair, which JSON can write and UTF-8 cannot.
    write_whole(out, "".join(map(chat_line, talked)).encode("utf-8", "replace"))
    print(out)
    return OK


def _eval(records: "Sequence[EpisodeRecord]", folder: Path, created: str) -> int:
    try:
        from diagnose.logs.inspect_eval import eval_logs, write_logs
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "inspect_ai":
            raise
        remedy = 'install the extra that writes it: pip install "scicrafter-diagnose[inspect]"'
        raise ConfigError("--to", "eval", remedy) from error
    if folder.exists() and not folder.is_dir():
        raise InputError("out", str(folder), "is a file; name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    written = write_logs(eval_logs(records, created), folder)
    print(f"{folder}  ({len(written)} logs; inspect view --log-dir {folder})")
    return OK


def _written_at(study: Path) -> str:
    """Return when the records were last written: they say nothing of time themselves."""
    last_s = max(file.stat().st_mtime for file in parts_of(study))
    return datetime.fromtimestamp(last_s, UTC).isoformat(timespec="seconds")
