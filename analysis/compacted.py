"""``episodes.parquet``: what estimates need of a study's records, read without reading them.

It follows from the records and holds which state of them it was made from: of each file its size
and time. Where these have changed it is passed over, and ``diagnose compact`` makes it again.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from analysis.recorded import Recorded, recorded
from diagnose.errors import InputError
from diagnose.ledger import parts_of

NAME = "episodes.parquet"
VERSION = 1
_KEY = b"diagnose"


def compact(folder: Path) -> tuple[Path, int]:
    """Write a study's table; return it and its number of episodes.

    Raises:
        InputError: there are no records, or a line of them is broken.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = parts_of(folder) if folder.is_dir() else []
    if not parts:
        raise InputError("study", str(folder), "no records here; name a study's folder")
    state = _state(folder, parts)
    found = recorded(parts)
    try:
        table = pa.Table.from_pandas(found.raw, preserve_index=False)
    except (pa.ArrowException, OverflowError) as error:
        remedy = "a field of its records is of several types: diagnose analyze names the line"
        raise InputError("study", f"{folder}: {error}", remedy) from error
    said = {
        "version": VERSION,
        "state": state,
        "factors": found.factors,
        "capacities": dict(found.capacities),
    }
    described = {**(table.schema.metadata or {}), _KEY: json.dumps(said).encode()}
    target = folder / NAME
    temporary = target.with_name(f".{NAME}.{os.getpid()}.tmp")
    try:
        pq.write_table(table.replace_schema_metadata(described), temporary, compression="zstd")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target, len(found.raw)


def compacted(path: Path, parts: Sequence[Path]) -> Recorded | None:
    """Return a study's table as ``recorded`` would; None where there is none that is current."""
    file = path / NAME
    if not path.is_dir() or not file.is_file():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
        said = json.loads(table.schema.metadata[_KEY])
        if said["version"] != VERSION or said["state"] != _state(path, parts):
            return None
        factors = tuple(map(str, said["factors"]))
        capacities = {str(name): str(one) for name, one in said["capacities"].items()}
        frame = table.to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # the records are read instead
    if not {"where", "study", "chained", *factors} <= set(frame.columns):
        return None
    return Recorded(frame, factors, capacities)


def _state(folder: Path, parts: Sequence[Path]) -> list[list[object]]:
    """Return of each file of records its name, size and time."""
    stats = [(part, part.stat()) for part in parts]
    return [[str(p.relative_to(folder)), stat.st_size, stat.st_mtime_ns] for p, stat in stats]
