"""An append-only file whose every line is whole, whatever the disk does."""

import errno
import os
from pathlib import Path

from diagnose.errors import StoreError

# Nothing outside the folder is written to through a link in it, and no pipe is waited for.
OWN = os.O_NOFOLLOW | os.O_NONBLOCK


class Appender:
    """An append-only file. Lines are given whole, with their newline.

    Raises:
        StoreError: from ``append`` and ``sync``, when the disk is full or gone.
    """

    def __init__(self, path: Path) -> None:
        """Open or create ``path``.

        Raises:
            OSError: it cannot be; see ``disk_error``.
        """
        self.path = path
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | OWN, 0o644)
        self.size = os.fstat(self.fd).st_size
        self._dirty = False

    def append(self, line: bytes) -> None:
        """Append one line or nothing."""
        view = memoryview(line)
        try:
            while view:
                view = view[os.write(self.fd, view) :]  # a short write: the disk is nearly full
        except OSError as error:
            os.ftruncate(self.fd, self.size)  # back to the last whole line; needs no space
            raise disk_error(self.path, error) from error
        self.size += len(line)
        self._dirty = True

    def truncate(self, size: int) -> None:
        """Cut the file to ``size`` bytes, and sync."""
        os.ftruncate(self.fd, size)
        self.size, self._dirty = size, True
        self.sync()

    def sync(self) -> None:
        """Bring what was appended to the disk."""
        if self._dirty:
            try:
                os.fsync(self.fd)
            except OSError as error:
                raise disk_error(self.path, error) from error
            self._dirty = False


def disk_error(path: Path, error: OSError) -> StoreError:
    """Return what to tell of a failed write or opening."""
    if error.errno == errno.ELOOP:
        named = error.filename or path
        return StoreError(f"{named}: is a symbolic link, which is not written through; remove it")
    full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
    if not full:
        return StoreError(
            f"{path}: cannot be used ({error.strerror}); make it a folder one may write in, or "
            "choose another study.folder; what is recorded stays as it is"
        )
    return StoreError(
        f"{path}: the disk, quota or file-size limit is full ({error.strerror}); every record "
        "before this is kept; make room and the same command continues"
    )


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of files to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
