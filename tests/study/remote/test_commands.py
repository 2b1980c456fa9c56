"""Commands on a study at an address, and what of it a study in a folder loads."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from diagnose.cli.composed import Study
from diagnose.cli.configure import configured
from diagnose.errors import ConfigError
from diagnose.ledger import canonical_lines
from diagnose.remote.address import SPOOL, Address, Uploads
from diagnose.remote.keeper import fetched


def small(folder: str, *more: str) -> list[str]:
    study = ["study.tasks=[A-L1]", "study.runs=1", "design=one_at_a_time", "run.workers=1"]
    return [*study, f"study.folder={folder}", *more]


@pytest.mark.slow
def test_a_command_runs_and_reads_a_study_at_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"file://{tmp_path}/store"

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "diagnose", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    for shard in ("1/2", "2/2"):
        monkeypatch.setenv(SPOOL, str(tmp_path / f"machine-{shard[0]}"))
        run("run", *small(where, f"run.shard={shard}"))
    monkeypatch.setenv(SPOOL, str(tmp_path / "reader"))
    row = run("status", where).split("\t")
    run("run", *small(str(tmp_path / "alone"), "run.shard=1/2"))
    run("run", *small(str(tmp_path / "alone"), "run.shard=2/2"))
    (alone,) = (tmp_path / "alone").iterdir()
    assert row[0] == f"{where}/{alone.name}"
    assert row[1] == "6"
    assert canonical_lines(fetched(Address.parse(row[0]))) == canonical_lines(alone)
    assert f"{row[0]}: sound" in run("doctor", row[0])
    assert not (tmp_path / "file:").exists()


def test_a_study_in_a_folder_loads_nothing_of_this() -> None:
    code = """
import sys
import diagnose.cli.run, diagnose.cli.status, diagnose.cli.doctor, diagnose.study
from diagnose.cli.addressed import kept
from diagnose.cli.configure import configured
study = configured([])
with kept(study) as keeper:
    assert keeper is None
print(*sorted(name for name in sys.modules if name.startswith(("fsspec", "diagnose.remote"))))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["diagnose.remote", "diagnose.remote.address"]


@pytest.mark.parametrize(
    ("key", "value"), [("lease_s", 0), ("upload_every_s", -1), ("upload_wait_s", "soon")]
)
def test_settings_are_checked(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"run\.{key}"):
        configured([f"run.{key}={value}"])


def test_where_a_study_is_does_not_change_what_it_is() -> None:
    here: Study = configured(small("studies"))
    there: Study = configured(small("memory://records"))
    assert there.header == here.header
    assert there.address == Address.parse(f"memory://records/{here.folder.name}")
    assert here.address is None
    assert replace(there, uploads=Uploads(lease_s=5)).header == here.header
