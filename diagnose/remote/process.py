"""The keeper as a process of its own, beside the one that runs a study: lines of JSON in and out.

A study forks its workers, and the file systems of object stores bring threads, which do not go
together. So the study's process never loads one. Its keeper outlives it for a while where it is
killed: what stands in the spool is sent, and the lease given back.
"""

import json
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from diagnose.errors import ConfigError, DiagnoseError, InputError, StoreError
from diagnose.remote.address import Address, Uploads
from diagnose.remote.keeper import Keeper, fetched
from diagnose.remote.lease import LeaseLostError
from diagnose.remote.objects import UnreachableError
from diagnose.shards import Shard

POLL_S = 0.1


def main() -> int:
    """Serve the parent until it says ``finish`` or is gone."""
    server = _Server(os.getppid())
    buffer = b""
    try:
        while os.getppid() == server.parent:
            ready, _, _ = select.select([0], [], [], POLL_S)
            data = os.read(0, 2**16) if ready else b""
            if ready and not data:
                break
            buffer += data
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                if not server.serve(json.loads(line)):
                    return 0
            if server.keeper is not None:
                server.keeper.tick()
    except DiagnoseError as error:  # the spool cannot be read: the study's own process says so too
        print(f"diagnose: {error}", file=sys.stderr)
        return 2
    server.stopping.set()
    if server.keeper is not None:  # the study's process was killed
        server.keeper.finish()
    return 0


class _Server:
    """What the parent's words do."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.keeper: Keeper | None = None
        self.stopping = threading.Event()

    def serve(self, asked: Mapping[str, Any]) -> bool:
        """Do what is asked; False when that was the last."""
        keeper = self.keeper
        match asked["do"]:
            case "open":
                _answer(partial(self._open, asked))
            case "fetch":
                _answer(partial(_fetch, asked["address"]))
            case "begin" if keeper:
                keeper.begin()
            case "beside" if keeper:
                _answer(partial(keeper.beside, asked["shared"]))
            case "finish" if keeper:
                self.stopping.set()
                _answer(keeper.finish)
                return False
        return True

    def _open(self, asked: Mapping[str, Any]) -> None:
        address = Address.parse(asked["address"])
        shard, uploads = Shard.parse(asked["shard"]), Uploads(**asked["uploads"])
        keeper = Keeper(address, shard, uploads, _say, self.parent)
        renewing = threading.Thread(target=self._renew, args=(keeper,), daemon=True)
        keeper.open(asked["header"], renewing.start)
        self.keeper = keeper

    def _renew(self, keeper: Keeper) -> None:
        """Renew the lease while the study runs; where it is lost, stop the study."""
        while not self.stopping.wait(keeper.renew_every_s):
            try:
                keeper.renew()
            except UnreachableError:
                continue  # sending says so
            except LeaseLostError as error:
                _say(f"diagnose: {error}: this process stops; what it recorded is kept and sent")
                if os.getppid() == self.parent:
                    os.kill(self.parent, signal.SIGTERM)
                return


def _fetch(address: str) -> str:
    return str(fetched(Address.parse(address)))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _answer(ask: Callable[[], int | str | None]) -> None:
    """Do what was asked, and tell the parent how it went."""
    try:
        done = ask()
    except DiagnoseError as error:
        kind = "config" if isinstance(error, InputError) else "store"
        said: dict[str, Any] = {"error": str(error), "kind": kind}
        if isinstance(error, InputError):
            said |= {"field": error.field, "received": error.received, "remedy": error.remedy}
        _tell(said)
        return
    _tell({"done": done})


def _tell(said: Mapping[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(said, default=str) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # the parent is gone: nobody is to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def raised(said: Mapping[str, Any]) -> DiagnoseError:
    """Return the error that a keeper told of."""
    if said.get("kind") == "config":
        return ConfigError(said["field"], said["received"], said["remedy"])
    return StoreError(str(said.get("error")))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the study's to take
    sys.exit(main())
