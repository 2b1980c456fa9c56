"""Every file in conf/ composes into a study whose episodes run."""

import json
import sys
from pathlib import Path

import pytest

from diagnose.cli.configure import CONF, configured
from diagnose.design import DESIGNS
from diagnose.env.variant import KINDS
from diagnose.store import Store
from tests.stub.server import Stub, echo, serving

OVERRIDES = sorted(
    f"{path.relative_to(CONF).parent}={path.stem}"
    for path in CONF.rglob("*.yaml")
    # mcp waits for a client (tests/agent/test_mcp), launchers want their plugins (tests/launchers).
    # Weights need the extra (tests/training), and so do the groups of conf/train.yaml.
    if path.parent.name not in {"conf", "launcher", "weights", "objective", "adapter", "recipe"}
    and path.stem not in {"mcp", "local"}
)
ROOT = Path(__file__).parents[2]
AGENT = [sys.executable, str(ROOT / "tests/agent/outside_agent.py"), "{mcp_config}", "leave"]


@pytest.fixture(scope="session")
def record(tmp_path_factory):
    """The file of one record, which the scripted subject plays back."""
    study = configured()
    path = tmp_path_factory.mktemp("conf") / "record.json"
    path.write_text(study.execute(study.plans[0]).to_line())
    return path


@pytest.fixture(scope="session")
def failed(tmp_path_factory):
    """The folder of a study some of whose baseline episodes failed."""
    study = configured(["study.tasks=[C-L3,E-L2]", "study.runs=2", "design=alone"])
    folder = tmp_path_factory.mktemp("failed")
    with Store(folder, study.header) as store:
        for plan in study.plans:
            if plan.cell == "0000":
                store.append_record(study.execute(plan))
    return folder


@pytest.fixture(scope="session")
def server():
    """A language model that says nothing of use."""
    with serving(Stub(echo)) as stub:
        yield stub


@pytest.mark.parametrize("override", OVERRIDES)
def test_a_file_composes_and_its_first_episodes_run(override, record, failed, server):
    group, _, name = override.partition("=")
    if group.startswith("subject/"):
        override = f"subject={group.removeprefix('subject/')}/{name}"
    given = {
        "subject=scripted": [f"subject.source={record}"],
        "subject=litellm": ["subject.model=openai/stub", f"subject.api_base={server.url}"],
        "experiment=fork": [f"fork.from={failed}"],
        "experiment=local_model": [f"subject.api_base={server.url}"],
    }.get(override, [])
    if group == "subject/cli":
        given = [f"subject.command={json.dumps(AGENT)}", "subject.keys=[]"]
        given += [f"+subject.variables.PYTHONPATH={ROOT}"]
    study = configured([override, *given])
    for plan in study.plans[:1] if group == "subject/cli" else study.plans[:3]:
        record = study.execute(plan)
        assert record.outcome in {"passed", "failed"}
        assert record.episode_id == study.identify(plan)


def test_every_design_and_variant_has_its_file():
    assert {path.stem for path in (CONF / "design").glob("*.yaml")} == set(DESIGNS)
    assert {path.stem for path in (CONF / "env").glob("*.yaml")} >= set(KINDS)


def test_what_a_subject_remembers_by_name_is_lost_under_other_names():
    """The planted truth of experiment=memorisation, by whole episodes with shared draws."""
    study = configured(["experiment=memorisation", "study.tasks=[A-L1,B-L1,C-L1]", "study.runs=6"])
    passed = {(plan.task, plan.run, plan.cell): study.execute(plan).success for plan in study.plans}
    gains = [
        passed[task, run, cell] - passed[task, run, f"{cell[:4]}1"]
        for task, run, cell in passed
        if cell.endswith("0")
    ]
    assert min(gains) >= 0  # draws are shared: forgetting never helps
    assert sum(gains) > 0
