"""Studies at an address, for commands: the folder of this machine that holds one, up to date."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnose.remote.address import Address, is_address, shown

if TYPE_CHECKING:
    from diagnose.cli.composed import Study
    from diagnose.remote.kept import Kept

KEYS = ("upload_every_s", "upload_wait_s", "lease_s")  # of the section run, read for an address


def place(text: str) -> Path:
    """Return a folder or file as it is named, and of an address the folder that holds it here.

    Raises:
        ConfigError: the address is none, or its file system is not installed.
        StoreError: no study is there, or the store does not answer.
    """
    if not is_address(text):
        return Path(text)
    from diagnose.remote.keeper import fetched

    return fetched(Address.parse(text, "study"))


def place_apart(text: str, field: str) -> Path:
    """Return the same for a process that is to fork: the address is read by another one.

    Raises:
        ConfigError: the address is none, or its file system is not installed.
        StoreError: no study is there, or the store does not answer.
    """
    if not is_address(text):
        return Path(text)
    from diagnose.remote.kept import fetched_apart

    return fetched_apart(Address.parse(text, field))


def places(text: str) -> list[Path]:
    """Return the same of a study, or of all studies in an address that is none."""
    if not is_address(text):
        return [Path(text)]
    from diagnose.remote.keeper import studies_in

    return studies_in(Address.parse(text, "study"))


def fresh(study: "Study") -> None:
    """Bring what is recorded of a study at an address to this machine, if anything is."""
    if study.address is not None:
        from diagnose.remote.keeper import studies_in

        studies_in(study.address)


def uploaded(path: Path) -> str:
    """Send a file that is made of a study to its address, for other programs; return where it is.

    Raises:
        UnreachableError: the store did not answer.
    """
    named = shown(path.parent)
    if not is_address(named):
        return str(path)
    from diagnose.remote.objects import Objects

    Objects(Address.parse(named, "study")).write(path.name, path.read_bytes())
    return f"{named}/{path.name}"


def settings(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the section ``run`` is about an address."""
    return {key: section[key] for key in KEYS if key in section}


@contextmanager
def kept(study: "Study") -> "Iterator[Kept | None]":
    """Keep a study at its address while its process runs; None where it is in a folder.

    Raises:
        StoreError: its part is run elsewhere, the store does not answer, or in the end not all that
            is recorded could be sent.
    """
    if study.address is None:
        yield None
        return
    from diagnose.errors import StoreError
    from diagnose.records import canonical_json
    from diagnose.remote.kept import kept as opened

    keeper = opened(study.address, study.shard, study.uploads, canonical_json(study.header))
    try:
        yield keeper
    finally:
        left = keeper.finish()
    if left:
        told = (
            f"{study.address.text}: {left:,} bytes of records are not sent, as the store does not "
        )
        told += f"answer; they are kept in {study.home}, and the same command sends them"
        raise StoreError(told)
