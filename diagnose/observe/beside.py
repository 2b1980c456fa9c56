"""The study's side of its tellers: started before it runs, told how it ended."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diagnose
from diagnose.journal import running
from diagnose.observe import Observe
from diagnose.observe.teller import LEFT
from diagnose.redaction import Redactor, secret_values

SLACK_S = 20.0  # beyond the grace: for one request on its way, and to load the client
NAMES = {"otel": "the trace collector", "mlflow": "MLflow"}


class Ending:
    """How a study ends: stopped, until somebody says otherwise."""

    state = "stopped"


@contextmanager
def tellers(
    observe: Observe, home: Path, folder: Path, shard: str, say: Callable[[str], None]
) -> Iterator[Ending]:
    """Tell whoever is to be told while the block runs; its ``state`` says at its end how it ended.

    Args:
        observe: who is told.
        home: where this process writes.
        folder: the study's.
        shard: the part that this process runs, such as ``3-of-8``; empty for the whole.
        say: told what was told, and of what was not.
    """
    redactor = Redactor(secret_values())  # now: a running gateway has them to itself
    ending = Ending()
    given: dict[str, Any] = {
        "home": str(home.resolve()),
        "folder": str(folder.resolve()),
        "shard": shard,
    }
    given |= {"study": folder.resolve().name, "content": observe.content, "uri": observe.mlflow}
    kinds = ["otel"] * observe.otel + ["mlflow"] * bool(observe.mlflow)
    started = {kind: _started(kind, observe, given) for kind in kinds}
    try:
        yield ending
    except Exception:
        ending.state = "failed"
        raise
    finally:
        for process in started.values():  # all of them first: they end side by side
            with contextlib.suppress(OSError):
                assert process.stdin is not None
                process.stdin.write(f"{ending.state}\n")
                process.stdin.flush()
        for kind, process in started.items():
            say(redactor.error(_ended(kind, process, observe.grace_s, folder)))


def _started(kind: str, observe: Observe, given: Mapping[str, Any]) -> "subprocess.Popen[str]":
    here = running()
    journal = here and [str(here[0].parent.resolve()), here[1], {"receiver": kind}, []]
    root = str(Path(diagnose.__file__).parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "diagnose.observe.teller"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is the study's to hear
        env={**os.environ, "PYTHONPATH": path},
    )
    told = {**given, "kind": kind, "journal": journal, "grace_s": observe.grace_s}
    with contextlib.suppress(OSError):  # it died at once: its end tells
        assert process.stdin is not None
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
    return process


def _ended(kind: str, process: "subprocess.Popen[str]", grace_s: float, folder: Path) -> str:
    """Wait for a teller and return what to say of it."""
    try:
        said, _ = process.communicate(timeout=grace_s + SLACK_S)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    last = (said.strip().splitlines() or ["it did not answer in time"])[-1][:300]
    if process.returncode == 0:
        return f"told {NAMES[kind]}: {last}"
    why = last if process.returncode == LEFT else f"exit code {process.returncode}"
    again = f"nothing is lost: diagnose tell {folder} tells the rest"
    return f"warning: {NAMES[kind]} was not told everything ({why}); {again}"
