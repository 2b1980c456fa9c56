"""Whole studies through the gateway and the stub server, each in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from diagnose.cli.configure import configured
from diagnose.journal import lines
from diagnose.ledger import canonical_lines, read_records
from diagnose.models.litellm.exchanges import read_exchanges
from tests.stub.reference import FRONTIER, Behind
from tests.stub.server import Stub, serving
from tests.stub.study import DESIGN

ROOT = Path(__file__).parents[2]
TASKS = ("A-L1", "C-L1")
PRICE = "subject.price={input_usd_per_mtok:1,output_usd_per_mtok:2}"
QUICK = ("subject.backoff_s=0.02", "subject.timeout_s=20", "run.workers=2")


def stub(latency_s=0.0, **faults):
    return Stub(Behind(FRONTIER, 0, TASKS, 2), latency_s, faults, seed=5)


def command(place, server, *more):
    return [
        *(sys.executable, "-W", "error", "-m", "tests.stub.study", str(place)),
        *(f"subject.api_base={server.url}", *DESIGN, *QUICK, *more),
    ]


def run(place, server, *more, code=0, **variables):
    done = subprocess.run(
        command(place, server, *more),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **variables},
    )
    assert done.returncode == code, done.stderr
    return done


def start(place, server, *more):
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(place, server, *more), cwd=ROOT, stdout=pipe, stderr=pipe, text=True
    )


def folder_in(place):
    (folder,) = (path for path in Path(place).iterdir() if path.is_dir())
    return folder


def wait_until(met, timeout_s=40):
    until = time.monotonic() + timeout_s
    while not met():
        assert time.monotonic() < until
        time.sleep(0.01)


def children(pid):
    found = subprocess.run(
        ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in found.stdout.splitlines()[1:]]
    return [(int(child), args) for child, parent, args in rows if int(parent) == pid]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An undisturbed study's canonical lines."""
    place = tmp_path_factory.mktemp("whole")
    with serving(stub()) as server:
        run(place, server, PRICE)
    return canonical_lines(folder_in(place))


def test_the_verdicts_are_those_of_the_subject_in_this_process(whole):
    study = configured(["subject=reference/frontier", *DESIGN])
    plain = {plan: study.execute(plan) for plan in study.plans}
    behind = {(one["task"], one["run"], one["cell"]): one for one in map(json.loads, whole)}
    assert len(behind) == len(plain)
    for plan, record in plain.items():
        other = behind[plan.task, plan.run, plan.cell]
        same = ("outcome", "stop_reason", "verdict", "circuit", "interventions", "transcript")
        ours = json.loads(record.to_line())
        assert {name: other[name] for name in same} == {name: ours[name] for name in same}
        assert [call["input_tokens"] for call in other["calls"]] == [
            call["input_tokens"] for call in ours["calls"]
        ]
        assert other["usage"]["cost_usd"] == sum(call["cost_usd"] for call in other["calls"])


@pytest.mark.slow
@pytest.mark.parametrize("more", [("run.concurrency=1", "run.workers=1"), ("run.concurrency=24",)])
def test_how_many_run_at_once_changes_no_byte(tmp_path, whole, more):
    with serving(stub(0.01)) as server:
        run(tmp_path, server, PRICE, *more)
    assert canonical_lines(folder_in(tmp_path)) == whole


@pytest.mark.parametrize(
    "faults",
    [
        {"rate_limit": 0.1, "rate_limit_bare": 0.1, "server_error": 0.1, "unavailable": 0.1},
        {"reset": 0.1, "truncated": 0.1, "malformed": 0.1, "no_finish": 0.1, "empty_once": 0.1},
    ],
)
def test_faults_that_pass_leave_no_trace(tmp_path, whole, faults):
    with serving(stub(**faults)) as server:
        said = run(tmp_path, server, PRICE)
    assert all(server.met[fault] for fault in faults)
    assert canonical_lines(folder_in(tmp_path)) == whole
    assert json.loads(said.stdout)["not_observed"] == 0


def test_each_fault_of_the_provider_is_in_the_log_with_its_wait(tmp_path):
    with serving(stub(rate_limit_bare=0.1)) as server:
        run(tmp_path, server, PRICE)
    said = list(lines((folder_in(tmp_path) / "log.jsonl").read_bytes()))
    faults = [line for line in said if line["event"] == "provider_fault"]
    assert len(faults) == server.met["rate_limit_bare"] > 0
    episodes = {record.episode_id for record in read_records(folder_in(tmp_path))}
    for line in faults:
        assert line["cause"] == "rate_limit"
        assert line["episode_id"] in episodes
        assert line["wait_s"] >= 0
    halved = [line["limit"] for line in said if line["event"] == "limit_halved"]
    assert halved
    assert len(halved) <= len(faults)


@pytest.mark.slow
def test_what_is_the_models_own_is_recorded_by_its_name(tmp_path, whole):
    with serving(stub(context_overflow=0.1, refusal=0.1)) as server:
        said = run(tmp_path, server, PRICE)
    assert json.loads(said.stdout) == {"recorded": len(whole), "not_observed": 0}
    causes = [r.subject_log.get("no_reply_cause") for r in read_records(folder_in(tmp_path))]
    assert causes.count("context_window") == server.met["context_overflow"] > 0
    assert causes.count("content_refused") == server.met["refusal"] > 0
    for record in read_records(folder_in(tmp_path)):
        if record.subject_log.get("no_reply_cause"):
            assert record.stop_reason == "stopped"
            assert record.calls[-1]["finish"] == record.subject_log["no_reply_cause"]


@pytest.mark.slow
def test_a_study_that_is_there_calls_nobody(tmp_path, tmp_path_factory, whole):
    with serving(stub()) as server:
        run(tmp_path, server, PRICE)
        made = server.requests
        (folder_in(tmp_path) / "episodes.jsonl").unlink()
        run(tmp_path, server, PRICE)
        assert canonical_lines(folder_in(tmp_path)) == whole
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        run(elsewhere, server, PRICE, f"subject.exchanges={folder_in(tmp_path)}")
        assert canonical_lines(folder_in(elsewhere)) == whole
        assert server.requests == made
    exchanges = list(read_exchanges(folder_in(tmp_path)))
    assert len(exchanges) == made == sum(len(json.loads(line)["calls"]) for line in whole)
    spent = sum(one.answer["cost_usd"] for one in exchanges)
    assert spent == pytest.approx(sum(json.loads(line)["usage"]["cost_usd"] for line in whole))


@pytest.mark.slow
def test_a_killed_study_pays_for_nothing_twice(tmp_path, whole):
    with serving(stub(0.05)) as server:
        for answered in (5, 20):
            study = start(tmp_path, server, PRICE)
            wait_until(lambda least=answered: server.requests >= least)
            study.kill()
            study.communicate(timeout=30)
        run(tmp_path, server, PRICE)
        assert canonical_lines(folder_in(tmp_path)) == whole
        # What was in flight at a kill is waited for by its gateway and logged.
        assert server.requests == sum(len(json.loads(line)["calls"]) for line in whole)


@pytest.mark.slow
def test_a_gateway_that_dies_is_started_again(tmp_path, whole):
    with serving(stub(0.1)) as server:
        study = start(tmp_path, server, PRICE)
        wait_until(lambda: server.requests >= 5)
        ((keeper, _),) = [row for row in children(study.pid) if "litellm.gateway" in row[1]]
        ((gateway, _),) = children(keeper)
        os.kill(gateway, signal.SIGKILL)
        out, err = study.communicate(timeout=60)
    assert study.returncode == 0, err
    assert json.loads(out)["not_observed"] == 0
    assert canonical_lines(folder_in(tmp_path)) == whole


@pytest.mark.slow
def test_nothing_outlives_the_study(tmp_path):
    with serving(stub(0.1)) as server:
        study = start(tmp_path, server, PRICE)
        wait_until(lambda: server.requests >= 3)
        ((keeper, _),) = [row for row in children(study.pid) if "litellm.gateway" in row[1]]
        ((gateway, _),) = children(keeper)
        study.send_signal(signal.SIGINT)
        _, err = study.communicate(timeout=60)
    assert study.returncode == 130, err
    assert not Path(f"/proc/{keeper}").exists()
    assert not Path(f"/proc/{gateway}").exists()


@pytest.mark.slow
def test_a_cap_stops_the_study_and_raising_it_goes_on(tmp_path, whole):
    spent = sum(json.loads(line)["usage"]["cost_usd"] for line in whole)
    cap = spent / 2
    with serving(stub()) as server:
        said = run(tmp_path, server, PRICE, f"caps.usd={cap}", code=3)
        assert re.search(
            r"StoppedError: caps.usd is reached: [\d.]+ of [\d.]+ dollars", said.stderr
        )
        used = sum(one.answer["cost_usd"] for one in read_exchanges(folder_in(tmp_path)))
        assert 0 < used <= cap
        recorded = list(read_records(folder_in(tmp_path)))
        assert all(record.success is not None for record in recorded)
        assert {record.to_line() for record in recorded} < set(whole)
        run(tmp_path, server, PRICE, f"caps.usd={2 * spent}")
        assert canonical_lines(folder_in(tmp_path)) == whole
        assert server.requests == sum(len(json.loads(line)["calls"]) for line in whole)


def test_a_cap_in_dollars_wants_a_price(tmp_path):
    with serving(stub()) as server:
        said = run(tmp_path, server, "caps.usd=1", code=2)
        assert "subject.price" in said.stderr
        assert server.requests == 0


@pytest.mark.slow
def test_costs_that_nobody_knows_are_warned_of_once(tmp_path):
    with serving(stub()) as server:
        said = run(tmp_path, server)
    assert said.stderr.count("warning: costs count as 0") == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (("subject.api_base=http://127.0.0.1:9/v1",), "subject.api_base"),
        (("subject.model=nonsense",), "subject.model"),
        (("subject.api_key_env=NO_SUCH_VARIABLE",), "subject.api_key_env"),
    ],
)
def test_a_wrong_configuration_is_one_message(tmp_path, more, field):
    with serving(stub()) as server:
        said = run(tmp_path, server, *more, code=2)
    assert f"\nConfigError: {field}: received" in "\n" + said.stderr
    assert len(said.stderr.splitlines()) <= 5
    assert not list(read_records(folder_in(tmp_path)))


@pytest.mark.slow
def test_the_key_is_in_no_file_of_the_study(tmp_path):
    planted = "planted-key-0123456789"
    server = stub(server_error=0.1)
    server.key = planted
    with serving(server):
        run(tmp_path, server, "subject.api_key_env=PLANTED", PLANTED=planted)
        run(
            tmp_path / "bad",
            server,
            "subject.api_key_env=PLANTED",
            code=2,
            PLANTED="wrong-" + planted,
        )
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or planted.encode() not in path.read_bytes(), path
