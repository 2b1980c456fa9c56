"""Sweeps on real launchers: the records of the shards together are those of one process.

In an environment of their own (make test-launchers); each study is 16 cells of one task, once.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnose.ledger import canonical_lines, parts_of

ROOT = Path(__file__).parents[2]
STUDY = ("experiment=smoke", "study.tasks=[A-L1]", "study.runs=1", "run.workers=1")
SHARDS = "run.shard=1/4,2/4,3/4,4/4"


def diagnose(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "diagnose", "run", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def study_in(folder: Path) -> Path:
    (found,) = (path.parent for path in folder.glob("*/study.json"))
    return found


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The records of one process."""
    place = tmp_path_factory.mktemp("serial")
    done = diagnose(*STUDY, cwd=place)
    assert done.returncode == 0, done.stderr
    return canonical_lines(study_in(place / "studies"))


def same(place: Path, serial: list[str]) -> None:
    study = study_in(place / "studies")
    assert canonical_lines(study) == serial
    assert len(serial) == 16
    assert len(parts_of(study)) == 4


def test_joblib(tmp_path: Path, serial: list[str]) -> None:
    done = diagnose(
        "-m", "launcher=joblib", "hydra.launcher.n_jobs=2", *STUDY, SHARDS, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    same(tmp_path, serial)


def test_submitit_on_this_machine(tmp_path: Path, serial: list[str]) -> None:
    done = diagnose("-m", "launcher=submitit_local", *STUDY, SHARDS, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    same(tmp_path, serial)
    assert list((tmp_path / "studies" / ".submitit").glob("*/*.out"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A Ray cluster of a head that runs nothing and two nodes of one core each."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            made.add_node(num_cpus=1)
        made.wait_for_nodes()
        yield made.address
    finally:
        made.shutdown()


def test_a_ray_cluster(tmp_path: Path, serial: list[str], cluster: str) -> None:
    at = f"hydra.launcher.ray.init.address={cluster}"
    done = diagnose("-m", "launcher=ray", at, *STUDY, SHARDS, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    same(tmp_path, serial)
    again = diagnose("-m", "launcher=ray", at, *STUDY, SHARDS, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    same(tmp_path, serial)


def test_a_job_that_cannot_run_is_told_by_its_exit_code(tmp_path: Path) -> None:
    done = diagnose("-m", "launcher=joblib", *STUDY, "run.shard=1/2,5/2", cwd=tmp_path)
    assert done.returncode == 2
    assert "run.shard=5/2: ended with exit code 2" in done.stderr
    assert "give one of so many" in done.stdout + done.stderr


def test_slurm_is_asked_for_what_the_configuration_says(tmp_path: Path) -> None:
    given = ("hydra.launcher.partition=cpu", "--cfg", "hydra")
    done = diagnose("launcher=submitit_slurm", *given, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for line in ("SlurmLauncher", "partition: cpu", "max_num_timeout: 100", "timeout_min: 1440"):
        assert line in done.stdout
