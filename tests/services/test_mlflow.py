"""A study as a run of MLflow, read back from a tracking server that runs here."""

import csv
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnose.index import header_of
from diagnose.ledger import read_records
from tests.services.test_traces import STUDY, diagnose, study_in


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tracking server with its own store: MLflow's application on its own web server."""
    place = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    variables = {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{place}/runs.db",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(place / "artifacts"),
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    command = [sys.executable, "-m", "uvicorn", "--port", str(port)]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "mlflow.server.fastapi_app:app"],
            env={**os.environ, **variables},
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + 120
        while True:
            assert process.poll() is None, (place / "log").read_text()
            assert time.monotonic() < until
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=5):
                    break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


def test_a_run_holds_what_the_study_is_and_found(tmp_path: Path, server: str) -> None:
    from mlflow.tracking import MlflowClient

    said = diagnose("run", *STUDY, f"observe.mlflow={server}", cwd=tmp_path)
    assert "told MLflow: run " in said
    study = study_in(tmp_path)
    client = MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name("smoke")
    (run,) = client.search_runs([experiment.experiment_id])
    header, records = header_of(study), list(read_records(study))
    assert run.info.status == "FINISHED"
    assert run.data.params["schedule_sha256"] == header["schedule_sha256"]
    assert run.data.params["shared.seed"] == str(header["shared"]["seed"])
    assert run.data.tags["diagnose.study"] == study.name
    assert run.data.tags["diagnose.code"] == header["shared"]["code"]["episode"]
    assert run.data.metrics["done"] == len(records) == 16
    passed = {one.cell: float(bool(one.success)) for one in records}
    assert run.data.metrics["success"] == sum(passed.values()) / 16
    assert {cell: run.data.metrics[f"success/{cell}"] for cell in passed} == passed
    with (study / "estimates.csv").open(newline="") as handle:
        rows = {row["estimand"]: row for row in csv.DictReader(handle)}
    row = rows["shapley:gap_hints"]
    key = f"estimate/shapley.gap_hints/{row['target']}"
    assert run.data.metrics[key] == float(row["estimate"])
    files = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert {"study.json", "estimates.csv", "report", "figures"} <= files

    # Wider from another day: the same study's run goes on, also where its note is lost.
    (study / "told-mlflow.json").unlink()
    diagnose("run", *STUDY, f"observe.mlflow={server}", cwd=tmp_path)
    assert len(client.search_runs([experiment.experiment_id])) == 1


def test_a_server_that_is_not_there_harms_nothing(tmp_path: Path, server: str) -> None:
    from mlflow.tracking import MlflowClient

    gone = "observe.mlflow=http://me:my-password@127.0.0.1:9"
    given = (*STUDY, "study.name=late")
    said = diagnose("run", *given, gone, "observe.grace_s=1", cwd=tmp_path)
    assert "warning: MLflow was not told everything" in said
    study = study_in(tmp_path)
    assert len(list(read_records(study))) == 16
    every = [path for path in study.iterdir() if path.is_file()]
    assert not any(b"my-password" in path.read_bytes() for path in every)
    assert "run " in diagnose("tell", str(study), "--mlflow", server, cwd=tmp_path)
    client = MlflowClient(tracking_uri=server)
    (run,) = client.search_runs([client.get_experiment_by_name("late").experiment_id])
    assert run.data.metrics["done"] == 16


def test_traces_reach_the_server_that_speaks_otlp(tmp_path: Path, server: str) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=server)
    where = client.create_experiment("traces")
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": server,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-mlflow-experiment-id={where}",
    }
    diagnose("run", *STUDY, cwd=tmp_path, **variables)
    study = study_in(tmp_path)
    found = client.search_traces(locations=[where], max_results=100)
    ids = {one.data.spans[0].attributes.get("diagnose.episode_id") for one in found}
    assert ids == {one.episode_id for one in read_records(study)}
