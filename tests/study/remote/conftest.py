"""Every test has a machine, and a store in memory, of its own."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from diagnose.remote.address import SPOOL


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(SPOOL, str(tmp_path / "spool"))
    yield
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]
