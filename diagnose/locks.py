"""Who writes in a study's folder: one process for the whole, or one for each shard.

Locks are the kernel's (flock): they go with the process that holds them, however it ends. On a
network file system the server holds them, and drops those of a host that is gone: at once where it
says goodbye, after its lease where it does not (NFSv4: some 90 seconds). So a lock is never stale
for longer than that, and none is ever to be deleted by hand.
"""

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from diagnose.appender import OWN
from diagnose.errors import StoreError
from diagnose.shards import Shard

NAME = "lock"
LOOKS, LOOK_S = 5, 0.02
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


def take_locks(folder: Path, home: Path, shard: Shard) -> list[int]:
    """Return the locks that let one process write in ``home``, a part of the study in ``folder``.

    The whole study is locked by its one process, or shared by the shards of one number: shards of
    eight and of four would run the same episodes.

    Raises:
        StoreError: another process writes there.
        OSError: the folder cannot be written.
    """
    study = _opened(folder / NAME)
    held = [study]
    try:
        if shard.whole:
            if not _locked(study, fcntl.LOCK_EX):
                raise StoreError(f"{folder}: {_holder(study)} is running this study; {_WAIT}")
            _write(study, _self())
            return held
        _agree(study, folder, shard)
        own = _opened(home / NAME)
        held.append(own)
        if not _locked(own, fcntl.LOCK_EX):
            raise StoreError(
                f"{home}: {_holder(own)} is running shard {shard.number}/{shard.of}; {_WAIT}"
            )
        _write(own, _self())
    except BaseException:
        for lock in held:
            os.close(lock)
        raise
    return held


_WAIT = "wait for it or stop it first"


def _agree(study: int, folder: Path, shard: Shard) -> None:
    """Share the study with the shards of one number; whoever is alone says which number."""
    said = f"{shard.of} shards"
    while True:
        if not _locked(study, fcntl.LOCK_SH):
            raise StoreError(
                f"{folder}: {_holder(study)} is running this study, or is about to divide it; "
                f"{_WAIT}, or try again"
            )
        if _text(study) == said:
            return
        if not _locked(study, fcntl.LOCK_EX):
            raise StoreError(
                f"{folder}: processes that divide it into {_text(study)} are running; give "
                f"run.shard=.../{_text(study).split()[0]}, or {_WAIT}"
            )
        _write(study, said)  # another may come in while this turns into a shared lock: look again


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | OWN, 0o644)


def holders(folder: Path) -> Iterator[str]:
    """Yield who is writing in a study's folder: its process, or its shards with theirs."""
    for path in (folder / NAME, *sorted(folder.glob(f"shards/*/{NAME}"))):
        try:
            lock = os.open(path, os.O_RDONLY | OWN)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # let go at once
        except BlockingIOError:
            shard = "" if path.parent == folder else f"shard {path.parent.name}, "
            yield f"{shard}{_holder(lock)}"
        except OSError:
            continue
        finally:
            os.close(lock)


def _locked(lock: int, kind: int) -> bool:
    """Take a lock, or wait a moment for one who only looks; False where another has it."""
    try:
        for _ in range(LOOKS):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
                return True
            time.sleep(LOOK_S)
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise StoreError(
            f"the file system has no locks ({error.strerror}); without them two processes could "
            "write one file; mount it with them (Lustre: -o flock), or choose another study.folder"
        ) from error


def _self() -> str:
    return f"{os.getpid()} {socket.gethostname()}"


def _write(lock: int, text: str) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{text}\n".encode(), 0)


def _text(lock: int) -> str:
    return os.pread(lock, 200, 0).decode(errors="replace").strip()


def _holder(lock: int) -> str:
    """Return who wrote the lock: it holds no lock of ours, so this may be its last holder."""
    pid, _, host = _text(lock).partition(" ")
    if host in ("", socket.gethostname()):
        return f"process {pid or 'unknown'}"
    if host == "shards":
        return "another process"
    return f"process {pid} on {host} (a lock goes with its host, on NFS some 90 s after it)"
