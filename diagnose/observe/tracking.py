"""A study as a run of MLflow; the extra ``mlflow``. Imported by its teller alone."""

import csv
import hashlib
import json
import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# A server that is gone is asked again by the teller, which has more patience than a request.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

import diagnose
from diagnose.observe.feed import Counts, Feed
from diagnose.redaction import HIDDEN, Redactor, is_secret, secret_values

LONGEST = 500  # characters of a parameter: what every MLflow server takes
AT_ONCE_PARAMS, AT_ONCE_METRICS = 100, 1000  # MLflow's own limits to a request
MOST_WAITING = 5_000  # metrics that wait for a server; then every other point is left out
FILES = ("study.json", "estimates.csv", "report", "figures", "device.png")
KEY = "diagnose.key"
STATES = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}


class Tracking:
    """Keeps one run up to date; a study that is resumed continues its run."""

    def __init__(self, home: Path, told: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Prepare; nobody is asked yet.

        Args:
            home: where the study's process writes.
            told: what ``state`` of the last one returned.
            given: ``uri``; ``folder``, the study's; ``study``, its name; ``shard`` or "".
        """
        self._folder, self._given = Path(str(given["folder"])), given
        self._feed = Feed(home)
        self._client = MlflowClient(tracking_uri=str(given["uri"]))
        self._redactor = Redactor(secret_values())
        # Of the address only its hash is kept: it may hold a password.
        self._at = hashlib.sha256(str(given["uri"]).encode()).hexdigest()[:16]
        same = told.get("at") == self._at
        self._run_id = str(told.get("run_id", "")) if same else ""
        self._open = False
        self._waiting: list[Metric] = []
        self._before: tuple[int, float] | None = None

    @property
    def state(self) -> dict[str, Any]:
        """Which run it is."""
        return {"at": self._at, "run_id": self._run_id} if self._run_id else {}

    def poll(self) -> None:
        """Tell how far the study is; what a server does not take waits for the next time."""
        counts = self._feed.counts()
        now = (counts.done, counts.cost_usd)
        if now != self._before:
            self._before = now
            at_ms = round(time.time() * 1000)
            self._waiting += [
                Metric(key, value, at_ms, counts.done) for key, value in metrics_of(counts)
            ]
            if len(self._waiting) > MOST_WAITING:
                steps = sorted({one.step for one in self._waiting})
                kept = {*steps[::2], steps[-1]}
                self._waiting = [one for one in self._waiting if one.step in kept]
        self._begin()
        while self._waiting:
            part = self._waiting[:AT_ONCE_METRICS]
            self._client.log_batch(self._run_id, metrics=part)
            del self._waiting[: len(part)]

    def finish(self, state: str) -> None:
        """Tell the estimates, hand over the files, and end the run."""
        self._begin()
        if not self._given.get("shard"):
            at_ms = round(time.time() * 1000)
            found = [Metric(key, value, at_ms, 0) for key, value in estimates_in(self._folder)]
            for start in range(0, len(found), AT_ONCE_METRICS):
                part = found[start : start + AT_ONCE_METRICS]
                self._client.log_batch(self._run_id, metrics=part)
            for path in (self._folder / name for name in FILES):
                if path.is_dir():
                    self._client.log_artifacts(self._run_id, str(path), path.name)
                elif path.is_file():
                    self._client.log_artifact(self._run_id, str(path))
        self._client.set_terminated(self._run_id, STATES.get(state, "KILLED"))

    def said(self) -> str:
        """Return what was told, in words."""
        return f"run {self._run_id}"

    def _begin(self) -> None:
        """Find the study's run or make it, once."""
        if self._open:
            return
        header = json.loads((self._folder / "study.json").read_bytes())
        name = str(header.get("study", "study"))
        experiment = self._client.get_experiment_by_name(name)
        where = experiment.experiment_id if experiment else self._client.create_experiment(name)
        tags = self._tags(header)
        if not self._run_id:  # begun from another copy of the folder, perhaps
            query = f"tags.`{KEY}` = '{tags[KEY]}'"
            found = self._client.search_runs([where], query, max_results=1)
            self._run_id = found[0].info.run_id if found else ""
        if self._run_id:
            self._client.update_run(self._run_id, status="RUNNING")
        else:
            made = self._client.create_run(where, tags=tags, run_name=tags["mlflow.runName"])
            self._run_id = made.info.run_id
        params = [Param(key, value) for key, value in self._params(header)]
        for start in range(0, len(params), AT_ONCE_PARAMS):
            part = params[start : start + AT_ONCE_PARAMS]
            self._client.log_batch(self._run_id, params=part)
        self._open = True

    def _tags(self, header: Mapping[str, Any]) -> dict[str, str]:
        study, shard = str(self._given["study"]), str(self._given.get("shard", ""))
        code = header.get("shared", {}).get("code", {})
        return {
            KEY: f"{study} {header.get('schedule_sha256', '')[:16]} {shard}".strip(),
            "mlflow.runName": f"{study} {shard}".strip(),
            "diagnose.study": study,
            "diagnose.folder": str(self._folder.resolve()),
            "diagnose.shard": shard,
            "diagnose.code": str(code.get("episode", "")),
            "diagnose.version": diagnose.__version__,
        }

    def _params(self, header: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield what the study is, flat: the same for every run of its folder."""
        for path, value in _flat({**header, "tasks": [_named(one) for one in header["tasks"]]}):
            key = _word(".".join(path))
            if value in ("", [], {}):
                continue
            hidden = any(map(is_secret, path))
            text = value if isinstance(value, str) else json.dumps(value)
            yield key, HIDDEN if hidden else self._redactor.error(text)[:LONGEST]


def metrics_of(counts: Counts) -> Iterator[tuple[str, float]]:
    """Yield the state of a study as metrics; success is of what was observed."""
    observed = counts.observed.total()
    yield "done", counts.done
    yield "not_observed", counts.not_observed
    yield "cost_usd", counts.cost_usd
    if observed:
        yield "success", counts.passed.total() / observed
    for cell, count in sorted(counts.observed.items()):
        yield f"success/{cell}", counts.passed[cell] / count


def estimates_in(folder: Path) -> Iterator[tuple[str, float]]:
    """Yield a study's estimates with their limits, from its ``estimates.csv``."""
    path = folder / "estimates.csv"
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            parts = ("estimate", row.get("estimand", ""), row.get("target", ""))
            key = "/".join(_word(part) for part in parts if part)
            columns = (("estimate", ""), ("ci_low", "/low"), ("ci_high", "/high"))
            for column, suffix in columns:
                try:
                    value = float(row.get(column) or "nan")
                except ValueError:
                    continue
                if math.isfinite(value):
                    yield f"{key}{suffix}", value


def _named(task: Any) -> Any:
    named = isinstance(task, Mapping) and "family" in task and "level" in task
    return f"{task['family']}-L{task['level']}" if named else task


def _flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, (*path, str(key)))
    else:
        yield path, value


def _word(text: str) -> str:
    """Return a name that MLflow takes: letters, digits, and _ - . space /."""
    return re.sub(r"[^\w\-. /]", "_", text.replace("*", "x").replace(":", "."), flags=re.ASCII)
