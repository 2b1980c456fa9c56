"""A command-line agent as the subject: what it costs, what counts, and that nothing outlives it."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from diagnose.cli.configure import configured
from diagnose.episode import run_episode
from diagnose.errors import ConfigError, InfrastructureError
from diagnose.models import CallUsage
from diagnose.models.scripted import Scripted
from diagnose.store import read_records
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.outside.bill import bill, documents, text
from diagnose.subjects.outside.command import CommandAgent, _filled
from diagnose.subjects.scaffold import Scaffold
from diagnose.tasks import family_of, task
from tests.agent.beside import episode

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("outside_agent.py")
MCP = Scaffold(protocol="mcp")
KEY = "sk-planted-key-4711"
C_L2 = task("C-L2")
USAGE = {
    "input_tokens": ["usage.input_tokens", "usage.cache_read_input_tokens"],
    "output_tokens": ["usage.output_tokens"],
    "cost_usd": ["total_cost_usd"],
}


def agent(mode: str, file: object = "", **fields):
    """The agent in one of its moods."""
    command = [sys.executable, str(PROGRAM), "{mcp_config}", mode, str(file)]
    given = {
        "label": "cli/fake",
        "command": command,
        "stdin": "{prompt}",
        "keys": ["FAKE_KEY"],
        "variables": {"PYTHONPATH": str(ROOT)},
        "usage": USAGE,
        "said": "result",
        "unobserved": {"quota": "usage limit"},
        **fields,
    }
    return CommandAgent(**given)


def played(model, **fields):
    """The record of an episode of C-L2 with this subject."""
    family = family_of(C_L2)
    return run_episode(episode(model=model, task=C_L2, family=family, scaffold=MCP, **fields))


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("FAKE_KEY", KEY)


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_for(condition, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_agent_that_reads_the_task_alone_passes_and_its_bill_is_recorded():
    record = played(agent("gold"))
    assert (record.outcome, record.stop_reason, record.model) == ("passed", "verified", "cli/fake")
    assert (record.usage.turns, record.usage.trials) == (3, 2)
    usage = record.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cost_usd) == (1234, 56, 0.0125)
    assert record.subject_log["said"] == "The device passes."
    called = [m["tool_calls"][0]["name"] for m in record.transcript if m["role"] == "assistant"]
    assert called == ["build", "press", "verify"]


def test_its_record_replays_without_it():
    record = played(agent("gold"))
    again = played(Scripted.from_record(record))
    for name in ("outcome", "stop_reason", "verdict", "circuit_sha256", "transcript"):
        assert getattr(again, name) == getattr(record, name)


@pytest.mark.parametrize(
    ("mode", "turns"), [("leave", 1), ("worn", 1), ("mute", 0)], ids=["stops", "fails", "declines"]
)
def test_an_agent_that_worked_and_stopped_is_an_outcome(mode, turns):
    record = played(agent(mode))
    assert (record.outcome, record.stop_reason) == ("failed", "stopped")
    assert record.usage.turns == turns
    assert record.subject_log["exit_code"] == (1 if mode == "worn" else 0)


@pytest.mark.parametrize(
    ("mode", "cause"), [("crash", "agent_failed"), ("quota", "quota"), ("shot", "agent_killed")]
)
def test_what_kept_an_agent_from_working_is_no_outcome(mode, cause):
    with pytest.raises(InfrastructureError) as caught:
        played(agent(mode))
    assert caught.value.cause == cause
    assert KEY not in str(caught.value)


def test_an_agent_that_never_finds_its_tools_is_no_outcome():
    blind = agent("", command=["true"])
    with pytest.raises(InfrastructureError, match="no_connection"):
        played(blind)


def test_what_it_finds_is_an_empty_folder_and_an_environment_of_few_words(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED", "for nobody")
    played(agent("look", tmp_path / "seen"))
    seen = json.loads((tmp_path / "seen").read_text())
    assert (seen["here"], seen["home"]) == ([], [])
    assert "PLANTED" not in seen["env"]
    assert seen["env"]["FAKE_KEY"] == KEY
    assert not Path(seen["env"]["HOME"]).exists()  # it was of this episode
    assert family_of(C_L2).text(C_L2).strip() in seen["stdin"]


def test_its_files_lie_where_they_are_named(tmp_path):
    files = {"home/.fake/settings": "{server_args}", "other": ""}
    played(agent("look", tmp_path / "seen", files=files))
    assert json.loads((tmp_path / "seen").read_text())["home"][0].endswith("/home/.fake")


def test_a_key_that_an_agent_gives_away_is_struck_out():
    record = played(agent("leak"))
    assert KEY not in record.to_line()
    assert "***" in record.transcript[2]["tool_calls"][0]["arguments"]


def test_its_time_ends_it_with_all_that_it_started(tmp_path):
    pids = tmp_path / "pids"
    record = played(agent("hang", pids), budgets=Budgets(seconds=8.0))
    assert (record.outcome, record.stop_reason, record.usage.turns) == ("failed", "seconds", 1)
    for pid in map(int, pids.read_text().split()):
        wait_for(lambda pid=pid: gone(pid))


def test_time_that_passes_without_a_call_is_no_outcome():
    with pytest.raises(InfrastructureError, match="agent_hung"):
        played(agent("slow"), budgets=Budgets(seconds=0.5))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"command": ["no-such-agent"]}, "subject.command"),
        ({"command": []}, "subject.command"),
        ({"keys": ["NOT_SET_4711"]}, "NOT_SET_4711"),
        ({"home": "mine"}, "subject.home"),
        ({"files": {"../x": ""}}, "subject.files"),
        ({"files": {"home/x": ""}, "home": "inherited"}, "subject.files"),
        ({"unobserved": {"quota": "("}}, "subject.unobserved.quota"),
    ],
)
def test_a_wrong_setting_stops_the_study_with_its_name(fields, named):
    with pytest.raises(ConfigError, match=named):
        played(agent("gold", **fields))


def test_an_outside_agent_wants_its_own_protocol():
    with pytest.raises(ConfigError, match="an outside agent takes mcp"):
        run_episode(episode(model=agent("gold")))


WORDS = {
    "prompt": 'Build {model}. "quoted"',
    "mcp_config": "/place/a b/mcp.json",
    "server_command": json.dumps('/opt/py "x"/python'),
    "server_args": json.dumps(["-I", "/tmp/\u00e9/relay.py"]),
    "files": "/place/a b",
    "model": "one",
}


def filled(name: str) -> tuple[CommandAgent, list[str]]:
    """An agent of conf/subject/cli and its command line."""
    known = configured([f"subject=cli/{name}", "subject.model=one"]).model
    return known, [_filled(word, WORDS) for word in known._whole()]


def test_codex_is_told_of_the_server_in_toml():
    known, words = filled("codex")
    settings: dict = {}
    for flag, value in itertools.pairwise(words):
        if flag == "-c":
            (head, table), *_ = tomllib.loads(value).items()
            for key, inner in table.items():
                old = settings.setdefault(head, {}).setdefault(key, {})
                settings[head][key] = {**old, **inner} if isinstance(inner, dict) else inner
    server = settings["mcp_servers"]["workshop"]
    assert server["command"] == '/opt/py "x"/python'
    assert server["args"] == ["-I", "/tmp/\u00e9/relay.py"]
    assert server["default_tools_approval_mode"] == "approve"
    assert settings["features"] == {"shell_tool": False}
    assert words[-2:] == ["--model", "one"]
    assert known.name == "cli/codex/one"


def test_gemini_is_told_of_the_server_in_its_settings():
    known, words = filled("gemini")
    settings = json.loads(_filled(known.files["home/.gemini/settings.json"], WORDS))
    server = settings["mcpServers"]["workshop"]
    assert (server["command"], server["trust"]) == ('/opt/py "x"/python', True)
    assert server["args"] == ["-I", "/tmp/\u00e9/relay.py"]
    assert words[words.index("--prompt") + 1] == WORDS["prompt"]
    assert settings["tools"] == {"core": ["mcp_workshop_*"]}


def test_claude_code_is_told_of_the_server_in_a_file_and_has_no_other_tools():
    known, words = filled("claude_code")
    assert words[words.index("--mcp-config") + 1] == "/place/a b/mcp.json"
    assert "--strict-mcp-config" in words
    assert words[words.index("--tools") + 1] == ""
    assert words[words.index("--allowedTools") + 1] == "mcp__workshop"
    assert _filled(known.stdin, WORDS) == WORDS["prompt"]


def study(folder: Path, mode: str, file: object = "") -> list[str]:
    """The command line of a study with this agent: one cell, one task, one run."""
    command = json.dumps([sys.executable, str(PROGRAM), "{mcp_config}", mode, str(file)])
    held = [f"interventions/{name}=off" for name in (
        "experiment_oracles", "knowledge_notes", "solution_sketches")]  # fmt: skip
    return [
        *(sys.executable, "-m", "diagnose", "run", "subject=cli/claude_code", *held),
        *("interventions/gap_hints=on", f"subject.command={command}", "subject.keys=[FAKE_KEY]"),
        *("study.tasks=[C-L2]", "study.runs=1", f"study.folder={folder}", "run.workers=1"),
        f"+subject.variables.PYTHONPATH={ROOT}",
    ]


def test_a_study_of_it_is_recorded_by_the_runner(tmp_path):
    done = subprocess.run(
        study(tmp_path, "gold"), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (record,) = read_records(next(tmp_path.glob("study-*")))
    assert (record.outcome, record.cell, record.model) == ("passed", "1000", "cli/claude_code")
    assert record.usage.cost_usd == 0.0125
    assert record.interventions["gap_hints"].offered


def test_a_killed_study_takes_its_agents_along(tmp_path):
    pids = tmp_path / "pids"
    running = subprocess.Popen(
        study(tmp_path, "hang", pids), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    for pid in map(int, pids.read_text().split()):
        wait_for(lambda pid=pid: gone(pid))


def test_a_bill_is_the_sum_of_all_numbers_at_its_paths():
    printed = '{"usage": {"in": 3}}\nnoise\n{"usage": {"in": 4, "out": 1.5}}\n{"usage": null}'
    found = documents(printed)
    paths = {"input_tokens": ["usage.in"], "output_tokens": ["usage.out"]}
    assert bill(found, paths) == CallUsage(7, 1, 0.0)
    nested = documents('{"stats": {"models": {"a": {"n": 1}, "b": {"n": 2}}}, "said": "x"}')
    assert bill(nested, {"input_tokens": ["stats.models.*.n"]}).input_tokens == 3
    assert text(nested, "said") == "x"


@pytest.mark.parametrize(
    "printed",
    ["", "no json", "[" * 100_000, '{"n": NaN}', '{"n": -1}', '{"n": "7"}', '{"n": true}', "[[1]]"],
)
def test_what_is_no_bill_costs_nothing(printed):
    assert bill(documents(printed), {"cost_usd": ["n"]}) == CallUsage()
