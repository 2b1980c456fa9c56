"""The interpreter processes of this process: started at first use, in a forked child too.

pydantic-monty runs its threads in a runtime that is one per loaded library. A child forked after
its parent's first session has that runtime without its threads, and a session there would wait for
ever. Such a child loads a second copy of the library (20 ms) and a pool of its own.
"""

import ctypes
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from diagnose.errors import InfrastructureError

if TYPE_CHECKING:
    from pydantic_monty import Monty

PACKAGE = "pydantic_monty"
TRACING = "opentelemetry"
MAX_PROCESSES = 1024  # sessions open at once in one process: episodes that wait for a provider
CHECKOUT_S = 60.0
SESSIONS_PER_PROCESS = 1000  # then a fresh process, so that nothing leaks for long


@dataclass(frozen=True)
class Loaded:
    """The library as this process loaded it, and its pool."""

    pid: int
    library: ModuleType  # classes for isinstance: a forked child's differ from its parent's
    pool: "Monty"


_lock = threading.Lock()
_loaded: list[Loaded] = []  # the last one counts; earlier ones are a parent's and stay untouched


def loaded() -> Loaded:
    """Return this process's library and running pool.

    Raises:
        InfrastructureError: the interpreter processes cannot be started.
    """
    pid = os.getpid()
    if _loaded and _loaded[-1].pid == pid:
        return _loaded[-1]
    with _lock:
        if not _loaded or _loaded[-1].pid != pid:
            _loaded.append(_load(pid))
        return _loaded[-1]


def _remember_absent() -> None:
    """Have the search for an absent OpenTelemetry answered at once.

    The library asks for its trace context at every host call; Python forgets failed imports and
    would search all folders anew each time, a quarter of an episode's time.
    """
    if TRACING not in sys.modules and importlib.util.find_spec(TRACING) is None:
        sys.modules[TRACING] = None  # type: ignore[assignment]  # the import system's word for absent


def _load(pid: int) -> Loaded:
    _remember_absent()
    library = _second_copy() if _loaded else importlib.import_module(PACKAGE)
    try:
        pool: Monty = library.Monty(
            min_processes=1,
            max_processes=MAX_PROCESSES,
            checkout_timeout=CHECKOUT_S,
            max_checkouts_per_worker=SESSIONS_PER_PROCESS,
        )
        pool.__enter__()
    except (library.MontyError, OSError, RuntimeError) as error:
        raise InfrastructureError("sandbox_start", str(error)) from error
    # A child that ends by the ordinary way would tear its copy of this object down, and with it the
    # parent's processes. It lives until its process ends; they end when their pipe closes.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(pool))
    return Loaded(pid, library, pool)


def _second_copy() -> ModuleType:
    """Load the package again from another place: the loader shares one library per file."""
    origin = _loaded[0].library.__file__  # the installed one; a parent's copy is gone
    if origin is None:
        raise InfrastructureError("sandbox_start", f"{PACKAGE} has no file to copy")
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(Path(origin).parent, Path(folder) / PACKAGE)
        sys.path.insert(0, folder)
        try:
            importlib.invalidate_caches()
            return importlib.import_module(PACKAGE)
        finally:
            sys.path.remove(folder)


# A child forked while another thread held the lock would never get it.
os.register_at_fork(
    before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
)
