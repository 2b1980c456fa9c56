"""Where a study is that is in no folder of this machine: ``s3://bucket/studies/NAME-HASH``.

Who may read and write there is the affair of fsspec's own configuration and environment
(``FSSPEC_S3_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID`` ...): an address never holds a credential, so it
may stand in a record, a log and a shell's history.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from diagnose.errors import ConfigError, InputError

MARK = "address"  # the file in a spool that says where its studies are
SPOOL = "DIAGNOSE_SPOOL"  # the variable that names the folder of all spools
_FORM = re.compile(r"(?P<protocol>[a-z][a-z0-9]*)://(?P<path>[^\s?#\\\x00-\x1f\x7f]+)")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]{0,199}")
_READ_ONLY = ("http", "https", "data", "zip", "tar", "git", "github")
_NO_FOLDERS = "*?[]"  # a file system would take them as a pattern


def is_address(text: object) -> bool:
    """Whether a text names an address rather than a folder."""
    return "://" in str(text)


@dataclass(frozen=True)
class Address:
    """A checked address, without a slash at its end."""

    text: str
    protocol: str

    @classmethod
    def parse(cls, text: str, field: str = "study.folder") -> Self:
        """Return a checked address.

        Raises:
            ConfigError: it is none, holds a credential, or nothing can be written there.
        """
        match = _FORM.fullmatch(text.rstrip("/"))
        user, at, _ = text.partition("://")[2].partition("/")[0].rpartition("@")
        if at and (":" in user or "?" in text):
            shown = f"{text.partition('://')[0]}://[secret]@..."
            remedy = "an address holds no credential: give it to fsspec (docs/sweeps.md)"
            raise ConfigError(field, shown, remedy)
        if "?" in text:  # a signed address is a credential too
            remedy = "an address has no options: give them to fsspec (docs/sweeps.md)"
            raise ConfigError(field, text.partition("?")[0] + "?...", remedy)
        if match is None or "::" in text or set(text) & set(_NO_FOLDERS):
            raise ConfigError(field, text, "give an address such as s3://bucket/studies")
        parts = match["path"].strip("/").split("/")
        if not all(parts) or {".", ".."} & set(parts):
            raise ConfigError(field, text, "give an address without .., . and empty parts")
        if match["protocol"] in _READ_ONLY:
            raise ConfigError(field, text, "nothing can be written there: give a store such as s3:")
        return cls(text.rstrip("/"), match["protocol"])

    def child(self, name: str) -> "Address":
        """Return what is called ``name`` within this one."""
        return Address(f"{self.text}/{name}", self.protocol)

    @property
    def parent(self) -> "Address":
        """What this one is in."""
        return Address(self.text.rpartition("/")[0], self.protocol)

    @property
    def name(self) -> str:
        """Its last part, which is a folder's name in the spool."""
        return self.text.rpartition("/")[2]

    def spool(self) -> Path:
        """Return the folder of this machine for what is *in* this address, and mark it.

        Two servers may have one address: where the address is served is part of the name.

        Raises:
            InputError: the folder cannot be made.
        """
        said = json.dumps([self.text, _served_at(self.protocol)])
        folder = spools() / f"{self.protocol}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / MARK).is_file():
                (folder / MARK).write_text(f"{self.text}\n", encoding="utf-8")
        except OSError as error:
            remedy = f"cannot be made ({error.strerror}); let {SPOOL} name a folder to write in"
            raise InputError("spool", str(folder), remedy) from error
        return folder

    def folder(self) -> Path:
        """Return the folder of this machine for the study that this address is.

        Raises:
            InputError: its name cannot be a folder's, or the spool cannot be made.
        """
        if not NAME.fullmatch(self.name) or self.parent.text.endswith(":/"):
            raise InputError(
                "study", self.text, "name a study in a bucket: s3://bucket/studies/NAME"
            )
        return self.parent.spool() / self.name


@dataclass(frozen=True)
class Uploads:
    """How a study at an address is kept; of a study in a folder nothing of this is read."""

    upload_every_s: float = 1.0  # what is recorded is sent so often; what cost much, at once
    upload_wait_s: float = 60.0  # at the end, for a store that does not answer; 0 = try once
    lease_s: float = 60.0  # another machine may take a part over when its process is silent so long

    def __post_init__(self) -> None:
        for name, least in (("upload_every_s", 0.0), ("upload_wait_s", 0.0), ("lease_s", 1.0)):
            value: object = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"run.{name}", value, "give seconds")
            if not least <= value <= 86400:
                raise ConfigError(f"run.{name}", value, f"give {least:g} to 86400 seconds")


USUAL = Uploads()


def spools() -> Path:
    """Return the folder of all spools of this machine."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(os.environ.get(SPOOL) or Path(state) / "scicrafter-diagnose" / "spool").absolute()


def shown(folder: Path) -> str:
    """Return what a study's folder is called: its address, where it is a spool's."""
    mark = folder.parent / MARK
    if folder.is_absolute() and mark.is_file() and folder.parent.parent == spools():
        return f"{mark.read_text(encoding='utf-8').strip()}/{folder.name}"
    return str(folder)


def _served_at(protocol: str) -> list[str]:
    """Return the servers that are configured for a protocol."""
    from fsspec.config import conf

    own = conf.get(protocol) or {}
    inner = own.get("client_kwargs")
    named = [
        own.get("endpoint_url"),
        inner.get("endpoint_url") if isinstance(inner, dict) else None,
    ]
    if protocol.startswith("s3"):
        named += [os.environ.get("AWS_ENDPOINT_URL_S3"), os.environ.get("AWS_ENDPOINT_URL")]
    return [str(one) for one in named if one]
