"""The objects under one address, through fsspec, with one kind of error for whatever fails."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from diagnose.errors import ConfigError, StoreError
from diagnose.remote.address import Address

MOST_BYTES = 256 * 2**20  # of one object that is read; a larger one is nobody's of ours
FOLDERS = ("file", "local", "sftp", "ssh", "ftp", "smb", "hdfs", "memory")  # have real folders
EXTRAS = {"s3": "s3", "s3a": "s3"}  # protocol -> the extra that brings its file system
_REFUSED = ("NoCredentials", "PartialCredentials", "PermissionError", "RefreshError")


class UnreachableError(StoreError):
    """The store did not answer, or refused.

    Attributes:
        lasting: whether asking again will not help: no credential, no permission.
    """

    def __init__(self, text: str, *, lasting: bool = False) -> None:
        self.lasting = lasting
        super().__init__(text)


class Objects:
    """What is under an address. Names are relative to it; methods may be called from any thread."""

    def __init__(self, address: Address) -> None:
        """Load the file system; nothing is asked of it.

        Raises:
            ConfigError: no file system of that protocol is known or installed.
        """
        from fsspec import filesystem
        from fsspec.core import split_protocol

        self.address = address
        kind = address.protocol
        try:
            self._files: Any = filesystem(kind)
        except (ImportError, ValueError) as error:
            extra = EXTRAS.get(kind)
            install = f'pip install -e ".[{extra}]"' if extra else "install its fsspec package"
            remedy = f"its file system is not installed or not known ({error}): {install}"
            raise ConfigError("study.folder", address.text, remedy) from error
        self._root = str(self._files._strip_protocol(address.text)).rstrip("/")
        assert split_protocol(address.text)[0] == kind

    def read(self, name: str) -> bytes | None:
        """Return an object; None where there is none, or it is larger than any of ours.

        Raises:
            UnreachableError: the store did not answer.
        """
        return self.read_all([name])[name]

    def read_all(self, names: Iterable[str]) -> dict[str, bytes | None]:
        """Return objects by name, many at once; see ``read``."""
        paths = {f"{self._root}/{name}": name for name in names}
        if not paths:
            return {}
        data = self._calling(lambda: self._files.cat(list(paths), on_error="return"))
        if not isinstance(data, Mapping):  # of one path some return it alone
            data = {next(iter(paths)): data}
        found: dict[str, bytes | None] = {}
        for path, name in paths.items():
            value = data.get(path, FileNotFoundError(path))
            if isinstance(value, FileNotFoundError | NotADirectoryError | IsADirectoryError):
                value = None
            elif isinstance(value, Exception):
                raise self._unreachable(value) from value
            found[name] = value
        return found

    def create(self, name: str, data: bytes) -> bool:
        """Write an object that is not there yet; False where one is.

        That two never both succeed is the store's to keep (S3: ``If-None-Match``); one that does
        not, ``keeps_exclusive`` finds out.

        Raises:
            UnreachableError: the store did not answer.
        """
        try:
            self._put(name, data, mode="create")
        except FileExistsError:
            return False
        return True

    def write(self, name: str, data: bytes) -> None:
        """Write an object, over the one of that name if there is one.

        Raises:
            UnreachableError: the store did not answer.
        """
        self._put(name, data)

    def _put(self, name: str, data: bytes, **how: str) -> None:
        path = f"{self._root}/{name}"
        try:
            self._calling(lambda: self._files.pipe_file(path, data, **how))
        except FileNotFoundError as error:
            if self.address.protocol not in FOLDERS:  # no bucket: none is made for a misspelt name
                raise self._unreachable(error, lasting=True) from error
            self._calling(lambda: self._files.makedirs(path.rpartition("/")[0], exist_ok=True))
            self._calling(lambda: self._files.pipe_file(path, data, **how))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; one that is gone already is none to complain of."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                self._calling(partial(self._files.rm_file, f"{self._root}/{name}"))

    def found(self, under: str) -> dict[str, int]:
        """Return the objects under a name, by name, with their bytes.

        Raises:
            UnreachableError: the store did not answer.
        """

        def listed() -> Any:
            self._files.invalidate_cache()
            return self._files.find(f"{self._root}/{under}", detail=True)

        try:
            entries = self._calling(listed)
        except FileNotFoundError:
            return {}
        start = len(self._root) + 1
        return {str(path)[start:]: int(one.get("size") or 0) for path, one in entries.items()}

    def folders(self) -> list[str]:
        """Return the names that stand under the address, sorted."""

        def listed() -> Any:
            self._files.invalidate_cache()
            return self._files.ls(self._root, detail=False)

        try:
            return sorted(
                {str(path).rstrip("/").rpartition("/")[2] for path in self._calling(listed)}
            )
        except FileNotFoundError:
            return []

    def written_at(self, name: str) -> datetime | None:
        """Return when an object was written by the store's clock; None where there is none."""

        def asked() -> Any:
            self._files.invalidate_cache()
            return self._files.modified(f"{self._root}/{name}")

        try:
            at = self._calling(asked)
        except FileNotFoundError:
            return None
        if not isinstance(at, datetime):
            return None
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def _calling[T](self, ask: Callable[[], T]) -> T:
        """Ask the store; what says whether an object is there passes, all else is one error."""
        try:
            return ask()
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:  # every file system has errors of its own
            raise self._unreachable(error) from error

    def _unreachable(self, error: BaseException, *, lasting: bool = False) -> UnreachableError:
        from diagnose.redaction import Redactor, secret_variables

        kind = type(error).__name__
        text = Redactor(secret_variables().values()).error(" ".join(str(error).split())[:300])
        refused = isinstance(error, PermissionError) or any(name in kind for name in _REFUSED)
        told = f"{self.address.text}: the store did not answer as it should: {kind}: {text}"
        return UnreachableError(told, lasting=lasting or refused)
