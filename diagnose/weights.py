"""What weights are, by their content: folders of models and adapters as ``save_pretrained`` writes.

Nothing is loaded here. A folder is known by the hash of what determines answers: its safetensors
and the settings and tokenizer beside them, not its place and not what another tool notes of itself.
A GGUF file holds all of these, and is known by its bytes.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from diagnose.errors import ConfigError
from diagnose.records import canonical_json

TREATMENT = "treatment.json"  # how weights were made
ADAPTER = "adapter_config.json"
# What libraries raise of a file that is torn, or of a kind that they do not know.
UNREADABLE = (
    OSError, ValueError, KeyError, IndexError, TypeError, ImportError, RuntimeError, struct.error,
)  # fmt: skip
# Of settings: where a base once was, and which library wrote them.
_INCIDENTAL = frozenset({"_name_or_path", "base_model_name_or_path", "revision", "peft_version",
                         "transformers_version"})  # fmt: skip
_SETTINGS = ("config.json", "generation_config.json", ADAPTER)
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
# What treatment.json says that a record keeps, and of which kind it must be.
APPLIED: Mapping[str, type[str] | type[int] | type[float]] = {
    "objective": str, "adapter": str, "examples": int, "tokens": int, "parameters": int,
    "seconds": float,
}  # fmt: skip


@runtime_checkable
class Treating(Protocol):
    """An intervention on the subject's weights: it says nothing, and names those to answer by.

    Text and functions are what other interventions act through. A study hands the weights to a
    subject that is ``Treatable`` and refuses every other before anything runs.
    """

    def weights(self, dose: int) -> str:
        """Return the folder of the weights at ``dose`` >= 1."""
        ...

    def applied(self, dose: int) -> Mapping[str, Any]:
        """Return what the weights at ``dose`` are: their hash, and how they were made."""
        ...


@runtime_checkable
class Treatable(Protocol):
    """A subject that can answer by other weights than its own, under the same name."""

    def treated(self, folder: str) -> Any:
        """Return this subject with the weights of ``folder`` in place of its own adapter.

        Raises:
            ConfigError: they cannot be its weights.
        """
        ...


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter, and not a whole model."""
    return (folder / ADAPTER).is_file()


def is_gguf(place: Path) -> bool:
    """Whether a place is a file in the format of llama.cpp: weights, settings and tokenizer."""
    return place.suffix == ".gguf" and place.is_file()


def named(place: Path) -> dict[str, str]:
    """Return how transformers is told of a folder, or of a file with all in it."""
    if place.is_file():
        return {"pretrained_model_name_or_path": str(place.parent), "gguf_file": place.name}
    return {"pretrained_model_name_or_path": str(place)}


def weights_sha256(field: str, folder: str) -> str:
    """Return the hash of what a folder holds that determines answers.

    Args:
        field: of the configuration that names the folder, for messages.
        folder: of a model or an adapter; or a model's GGUF file.

    Raises:
        ConfigError: there are no weights there, none that are only tensors, or settings that
            cannot be read.
    """
    place = Path(folder)
    if is_gguf(place):
        return hashlib.sha256(f"gguf\0{_sha256(place)}".encode()).hexdigest()
    if not folder or not place.is_dir():
        remedy = "name a folder that save_pretrained wrote, or a GGUF file; no hub is asked"
        raise ConfigError(field, folder, remedy)
    if not (is_adapter(place) or (place / "config.json").is_file()):
        raise ConfigError(field, folder, f"it holds neither config.json nor {ADAPTER}")
    if not list(place.glob("*.safetensors")):
        remedy = (
            "it holds no .safetensors, and weights in a pickle are not read; write them again with "
            "save_pretrained(..., safe_serialization=True)"
        )
        raise ConfigError(field, folder, remedy)
    digest = hashlib.sha256(tensors_sha256(place).encode())
    for name in _SETTINGS:
        if (place / name).is_file():
            kept = {k: v for k, v in _json(field, place / name).items() if k not in _INCIDENTAL}
            digest.update(f"{name}\0{canonical_json(kept)}\0".encode())
    for name in () if is_adapter(place) else _TOKENIZER:  # an adapter answers by its model's
        if (place / name).is_file():
            digest.update(f"{name}\0{_sha256(place / name)}\0".encode())
    return digest.hexdigest()


def tensors_sha256(folder: Path) -> str:
    """Return the hash of a folder's safetensors or of a file, as a treatment names its base."""
    digest = hashlib.sha256()
    for path in [folder] if folder.is_file() else sorted(folder.glob("*.safetensors")):
        digest.update(f"{path.name}:{_sha256(path)}\n".encode())
    return digest.hexdigest()


def check_base(field: str, folder: str, model: str) -> None:
    """Refuse weights that were made from another model than the one they are laid on.

    Args:
        field: of the configuration that names ``folder``, for messages.
        folder: of weights; without a treatment's file there, nothing says what their model was.
        model: folder of the model.

    Raises:
        ConfigError: their base is another.
    """
    path = Path(folder) / TREATMENT
    base = _json(field, path).get("base_sha256") if path.is_file() else None
    if base is not None and base != tensors_sha256(Path(model)):
        remedy = f"{path.name} says that it was made from another model than subject.model {model}"
        raise ConfigError(field, folder, remedy)


def applied_by(field: str, folder: str) -> dict[str, Any]:
    """Return what a treatment's folder says of itself that a record keeps, its hash included.

    Raises:
        ConfigError: there are no weights, or nothing says how they were made.
    """
    told: dict[str, Any] = {"sha256": weights_sha256(field, folder)}
    path = Path(folder) / TREATMENT
    if not path.is_file():
        remedy = f"it holds no {TREATMENT}, which says how weights were made; diagnose train does"
        raise ConfigError(field, folder, remedy)
    said = _json(field, path)
    for name, kind in APPLIED.items():
        value = said.get(name)
        number = type(value) in {int, float} and kind is not str
        whole = type(value) is int if kind is int else number
        if (kind is str and isinstance(value, str)) or (whole and float(str(value)) >= 0):
            told[name] = value
        else:
            raise ConfigError(f"{field}: {path.name}: {name}", value, f"give a {kind.__name__}")
    return told


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(field: str, path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(field, str(path), f"it cannot be read as JSON: {error}") from error
    if not isinstance(read, dict):
        raise ConfigError(field, str(path), "it must hold a JSON object")
    return read
