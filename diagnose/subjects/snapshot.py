"""A snapshot: where an episode stands between two turns, to be continued from there at any time."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diagnose.errors import InputError
from diagnose.records import canonical_json


@dataclass(frozen=True)
class Snapshot:
    """What a stage holds besides its configuration; ``Stage.snapshot`` takes it.

    The conversation is not in it: it is the transcript, and models remember nothing else.
    """

    state: Mapping[str, Any]  # as JSON: turn, silent turns, blocks, trials, calls, interventions
    sandbox: bytes | None  # the subject's variables; None where its next program has none

    @property
    def sha256(self) -> str:
        """The hash of the state. The variables are left out: they have no canonical bytes.

        They follow from the programs of the transcript, which is hashed beside it.
        """
        return hashlib.sha256(_written(dict(self.state))).hexdigest()

    def to_bytes(self) -> bytes:
        """Return it as bytes.

        Restored and taken again it holds the same: the state to the byte, the variables but for the
        order in which the interpreter writes its maps.
        """
        sandbox = None if self.sandbox is None else b64encode(self.sandbox).decode()
        return _written({"state": dict(self.state), "sandbox": sandbox})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Snapshot":
        """Return what ``to_bytes`` wrote (trusted: the interpreter checks no state it is given).

        Raises:
            InputError: the bytes hold no snapshot.
        """
        try:
            read = json.loads(data.decode("utf-8", "surrogatepass"))
            sandbox = read["sandbox"]
            return cls(dict(read["state"]), None if sandbox is None else b64decode(sandbox))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError("snapshot", data[:80], "give what Snapshot.to_bytes wrote") from error


def _written(value: Mapping[str, Any]) -> bytes:
    # A program may hand half a surrogate pair to a function; the record of its calls holds it.
    return canonical_json(value).encode("utf-8", "surrogatepass")
