"""What a checkpoint folder says of itself: ``treatment.json``, beside the adapter or the model."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from diagnose.errors import InputError
from diagnose.whole_file import write_whole

SCHEMA_VERSION = 1
NAME = "treatment.json"
WEIGHTS = ("*.safetensors", "*.bin", "*.gguf", "*.pt", "*.pth")


@dataclass(frozen=True)
class Treatment:
    """A change of a model's weights: by which objective, of what, on what, and what it did.

    ``metrics`` holds by split (``train``, ``validation``) and moment (``before``, ``after``) what
    ``diagnose.training.statistics`` measures of the target tokens.
    """

    objective: str
    adapter: str
    base: str
    base_sha256: str  # of its weights: ``weights_sha256``
    data_sha256: str  # of the folder's data.json, which holds the hashes of the lines
    examples: int  # that were trained on
    tokens: int  # of them, once over: the targets alone
    parameters: int  # that were trained
    seconds: float  # of training, without what was measured beside it
    seed: int
    adapter_settings: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def write(self, folder: Path | str) -> None:
        """Write the file in one step; it is the last one of a checkpoint folder."""
        path = Path(folder) / NAME
        text = json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"
        write_whole(path, text.encode())

    @classmethod
    def read(cls, folder: Path | str) -> Self:
        """Read a checkpoint folder's file.

        Raises:
            InputError: there is none, it is broken, or of another version.
        """
        path = Path(folder) / NAME
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            remedy = "name a folder that diagnose train has finished"
            raise InputError("treatment", str(path), f"cannot be read; {remedy}") from error
        except (ValueError, RecursionError) as error:
            raise InputError(str(path), "no JSON", "train again, or restore the file") from error
        if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
            version = data.get("schema_version") if isinstance(data, dict) else type(data).__name__
            raise InputError(f"{path}: schema_version", version, f"this reads {SCHEMA_VERSION}")
        kinds: Mapping[Any, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float)}
        for one in fields(cls):
            value = data.get(one.name)
            wanted = kinds.get(one.type, (dict,))
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise InputError(f"{path}: {one.name}", value, f"give a {wanted[-1].__name__}")
        return cls(**{one.name: data[one.name] for one in fields(cls)})


def weights_sha256(folder: Path | str) -> str:
    """Return the hash of the weights that a folder (or one file) holds, names and bytes.

    Raises:
        InputError: it holds none.
    """
    home = Path(folder)
    files = [home] if home.is_file() else _weights(home)
    if not files:
        raise InputError("base", str(folder), f"holds no weights ({', '.join(WEIGHTS)})")
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            own = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{path.name}:{own}\n".encode())
    return digest.hexdigest()


def _weights(home: Path) -> list[Path]:
    """Return a folder's weights: in the first of the formats that it holds."""
    found = (sorted(home.glob(pattern)) for pattern in WEIGHTS)
    return next((files for files in found if files), [])
