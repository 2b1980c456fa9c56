"""The study's side of its keeper: what ``diagnose run`` says to it. Loads no file system."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from diagnose.errors import StoreError
from diagnose.remote.address import Address, Uploads
from diagnose.remote.keeper import Keeper, fetched
from diagnose.remote.process import raised
from diagnose.shards import Shard

IN_PROCESS = ("memory",)  # protocols whose objects are this process's: no other could keep them


class Kept(Protocol):
    """What keeps a running study's records at their address."""

    def begin(self) -> None:
        """Send from now on."""
        ...

    def beside(self, shared: Mapping[str, Any]) -> None:
        """Bring the studies beside this one that may hold its episodes to this machine."""
        ...

    def finish(self) -> int:
        """End; return the bytes that could not be sent."""
        ...


def kept(address: Address, shard: Shard, uploads: Uploads, header: str) -> Kept:
    """Open a study at its address: see ``Keeper.open``.

    Raises:
        ConfigError: its file system is not installed.
        StoreError: the part is run elsewhere, or the store does not answer.
    """
    if address.protocol in IN_PROCESS:
        return _Here(address, shard, uploads, header)
    return _Apart(address, shard, uploads, header)


def fetched_apart(address: Address) -> Path:
    """Return the folder of a study, brought up to date by a process of its own where one can.

    Raises:
        StoreError: no study is there, or the store does not answer.
    """
    if address.protocol in IN_PROCESS:
        return fetched(address)
    asked = json.dumps({"do": "fetch", "address": address.text}) + "\n"
    done = subprocess.run(
        _COMMAND, input=asked.encode(), stdout=subprocess.PIPE, env=_environment(), check=False
    )
    if not done.stdout:
        raise StoreError(f"{address.text}: the process that reads it has died")
    said = json.loads(done.stdout)
    if "error" in said:
        raise raised(said)
    return Path(said["done"])


_COMMAND = [sys.executable, "-m", "diagnose.remote.process"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


class _Here:
    """A keeper in this process, which sends at the end."""

    def __init__(self, address: Address, shard: Shard, uploads: Uploads, header: str) -> None:
        self._keeper = Keeper(address, shard, uploads)
        self._keeper.open(header)
        self.begin, self.beside = self._keeper.begin, self._keeper.beside
        self.finish = self._keeper.finish


class _Apart:
    """A keeper in a process of its own."""

    def __init__(self, address: Address, shard: Shard, uploads: Uploads, header: str) -> None:
        part = f"{shard.number}/{shard.of}"
        self._opening = {
            "do": "open",
            "address": address.text,
            "shard": part,
            "uploads": asdict(uploads),
            "header": header,
        }
        self._begun = False
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the study's to take
            env=_environment(),
        )
        try:
            self._ask(self._opening)
        except BaseException:
            self._process.kill()
            self._end()
            raise

    def _ask(self, asked: Mapping[str, Any], *, answered: bool = True) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline() if answered else b"{}\n"
        except BrokenPipeError:
            line = b""
        if not line:
            code = self._process.wait()
            raise _KeeperGoneError(f"the process that uploads has died (exit code {code})")
        said = json.loads(line)
        if "error" in said:
            raise raised(said)
        return said.get("done")

    def begin(self) -> None:
        self._ask({"do": "begin"}, answered=False)
        self._begun = True

    def beside(self, shared: Mapping[str, Any]) -> None:
        self._ask({"do": "beside", "shared": shared})

    def finish(self) -> int:
        try:
            try:
                return int(self._ask({"do": "finish"}))
            except _KeeperGoneError:
                self._end()
                self._start()  # another, for what the first left
                if self._begun:
                    self.begin()
                return int(self._ask({"do": "finish"}))
        finally:
            self._end()

    def _end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        self._process.wait()


class _KeeperGoneError(StoreError):
    """The keeper's process has ended, as no keeper should."""
