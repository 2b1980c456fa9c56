"""``diagnose mcp`` as a client meets it: through the SDK's own client, over standard streams."""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from diagnose.cli.configure import configured
from diagnose.cli.mcp import _chosen
from diagnose.env.experiments import true_laws
from diagnose.episode import run_episode
from diagnose.errors import ConfigError, InputError
from diagnose.models.scripted import Scripted
from diagnose.store import read_records
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.outside.command import CommandAgent
from diagnose.subjects.outside.server import NAME
from diagnose.subjects.scaffold import Scaffold
from diagnose.tasks import build_device, family_of, task
from tests.agent.beside import code, episode

ROOT = Path(__file__).parents[2]
MCP = Scaffold(protocol="mcp")
C_L1 = task("C-L1")
GOLD = build_device(C_L1, true_laws()).to_json()["blocks"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def server(folder: Path, *given: str) -> list[str]:
    """The command that serves C-L1 and records in the folder."""
    command = [sys.executable, "-m", "diagnose", "mcp", "--task", "C-L1", *given]
    return [*command, f"study.folder={folder}"]


@asynccontextmanager
async def connected(folder: Path, *given: str):
    """A client of a server of its own."""
    program, *arguments = server(folder, *given)
    parameters = StdioServerParameters(command=program, args=arguments, env=ENVIRONMENT)
    async with Client(stdio_client(parameters)) as client:
        yield client


async def said(client: Client, tool: str, **arguments) -> tuple[str, bool]:
    """What a call is answered, and whether it was refused."""
    result = await client.call_tool(tool, arguments)
    return result.content[0].text, bool(result.is_error)


def recorded(folder: Path):
    """The records of the one study in the folder."""
    (study,) = folder.glob("mcp-*")
    return list(read_records(study))


def test_a_client_builds_and_is_recorded_as_a_scripted_subject_would_be(tmp_path):
    async def visit():
        async with connected(tmp_path, "interventions/gap_hints=on") as client:
            listed = [tool.name for tool in (await client.list_tools()).tools]
            prompt = (await client.get_prompt("task")).messages[0].content.text
            resource = (await client.read_resource("workshop://task")).contents[0].text
            tool = (await said(client, "task"))[0]
            assert prompt == resource == tool
            await said(client, "run_python", code=f"device = {GOLD}\nbuild(device)")
            pressed = await said(client, "press")
            unknown = await said(client, "demolish")
            end = await said(client, "verify")
            late = await said(client, "clear")
            return listed, prompt, pressed, unknown, end, late

    listed, prompt, pressed, unknown, end, late = asyncio.run(visit())
    assert listed == [
        *("task", "run_python", "place", "fill", "build", "remove", "clear", "look"),
        *("press", "verify", "done"),
    ]
    assert family_of(C_L1).text(C_L1).strip() in prompt
    assert "'dark': []" in pressed[0]
    assert not pressed[1]
    assert unknown[1]
    assert end == ("The work has ended: your verdict passed.", False)
    assert late == ("The work has ended: your verdict passed. No further call is taken.", True)

    (record,) = recorded(tmp_path)
    assert (record.cell, record.run, record.outcome) == ("1000", 0, "passed")
    assert record.model == "mcp/mcp"
    assert record.subject_log["client"].startswith("mcp ")
    assert record.usage.turns == 3  # the task, an unknown tool and what came late cost nothing
    replies = [code(f"device = {GOLD}\nbuild(device)"), code("press()"), code("verify()")]
    family = family_of(C_L1)
    twin = run_episode(episode(*replies, task=C_L1, family=family, study_seed=0))
    for name in ("outcome", "stop_reason", "verdict", "circuit", "circuit_sha256"):
        assert getattr(record, name) == getattr(twin, name), name
    assert (record.usage.trials, record.usage.host_calls) == (twin.usage.trials, 3)
    # Its observations are, to the letter, what the other was shown; the numbers of messages differ.
    shown = [m["content"] for m in record.transcript if m["role"] == "tool"]
    others = [m["content"] for m in twin.transcript if m["role"] == "user"][1:]
    assert shown == [text.replace("of 60]", "of 400]") for text in others]


def test_the_first_trial_too_many_is_refused_and_ends_it(tmp_path):
    async def visit():
        async with connected(tmp_path, "--model", "mine/one") as client:
            await said(client, "place", x=4, y=1, z=4, block="stone")
            trials = [await said(client, "press") for _ in range(50)]
            return trials, await said(client, "verify"), await said(client, "verify")

    trials, last, after = asyncio.run(visit())
    assert not any(refused for _, refused in trials)
    assert trials[-1][0].endswith("Trials left: 0 of 50.")
    ended = "The work has ended: all trials are used. The device standing is judged."
    assert last == (ended, True)
    assert after == (f"{ended} No further call is taken.", True)
    (record,) = recorded(tmp_path)
    assert (record.model, record.outcome, record.stop_reason) == ("mine/one", "failed", "trials")
    assert record.usage.trials == 50
    replayed = run_episode(
        episode(
            model=Scripted.from_record(record),
            task=C_L1,
            family=family_of(C_L1),
            scaffold=MCP,
            budgets=Budgets(turns=400),
        )
    )
    assert replayed.verdict == record.verdict
    assert replayed.transcript[2:] == record.transcript[2:]


def test_a_folder_outlives_clients_that_leave_and_servers_that_are_killed(tmp_path):
    async def visit(*calls):
        async with connected(tmp_path) as client:
            await client.list_tools()
            for tool, arguments in calls:
                await said(client, tool, **arguments)

    stone = ("place", {"x": 4, "y": 1, "z": 4, "block": "stone"})
    asyncio.run(visit())
    (record,) = recorded(tmp_path)
    assert (record.run, record.outcome) == (0, "not_observed")
    assert record.missing_cause.startswith("no_call: mcp")

    killed = begun(tmp_path)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert [one.outcome for one in recorded(tmp_path)] == ["not_observed"]  # only that one is lost

    asyncio.run(visit(stone))
    (record,) = recorded(tmp_path)  # it takes the place of what was not observed
    assert (record.run, record.outcome, record.stop_reason) == (0, "failed", "stopped")
    assert record.verdict["reasons"] == ["no stone button stands"]

    told = begun(tmp_path)
    told.terminate()
    told.communicate(timeout=30)
    assert told.returncode == 0
    runs = {one.run: (one.outcome, one.stop_reason) for one in recorded(tmp_path)}
    assert runs == {0: ("failed", "stopped"), 1: ("failed", "stopped")}


def begun(folder: Path) -> subprocess.Popen[str]:
    """A server that has carried out one call, spoken to line by line: all it prints is JSON."""
    process = subprocess.Popen(
        server(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=ENVIRONMENT,
    )
    client = {"protocolVersion": "2025-06-18", "capabilities": {}}
    client["clientInfo"] = {"name": "by hand", "version": "1"}
    for number, (method, parameters) in enumerate(
        [
            ("initialize", client),
            ("tools/call", {"name": "run_python", "arguments": {"code": "print('x' * 9)"}}),
        ]
    ):
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        process.stdin.write(json.dumps(message) + "\n")
        if method == "initialize":
            ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            process.stdin.write(json.dumps(ready) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert answer["id"] == number
        assert "error" not in answer
    return process


def test_what_cannot_be_served_is_one_message_and_nothing_on_stdout(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "diagnose", "mcp", "--task", "Z-L9", f"study.folder={tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=ENVIRONMENT,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Z-L9" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("run", "model", "overrides", "named"),
    [
        (8, "", [], "--run"),
        (-1, "", [], "--run"),
        (0, "a b", [], "--model"),
        (0, "'; x", [], "--model"),
        (0, "", ["interventions/no_such=on"], "no_such"),
        (0, "", ["env=crossed"], "env"),
        (0, "", ["budgets.turn=3"], "budgets.turn"),
        (0, "", ["subject=scripted"], "subject"),
        (0, "", ["study.tasks=[A-L1]"], "study.tasks"),
        (0, "", ["nonsense"], "nonsense"),
    ],
)
def test_a_wrong_option_is_named(run, model, overrides, named):
    with pytest.raises(InputError, match=named):
        _chosen("C-L1", run, model, overrides)


def test_without_a_client_there_is_nothing_to_run():
    study = configured(["subject=mcp"])
    with pytest.raises(ConfigError, match="diagnose mcp"):
        study.execute(study.plans[0])


@pytest.mark.parametrize(
    ("given", "cell"),
    [
        ([], "0000"),
        (["interventions/solution_sketches=on", "interventions/gap_hints=off"], "0001"),
        (
            ["interventions/knowledge_notes=on", "interventions.knowledge_notes.levels=[0,2]"],
            "0020",
        ),
        (["interventions/gap_hints=placebo"], "9000"),
    ],
)
def test_the_cell_follows_from_the_interventions(given, cell):
    study, plans = _chosen("C-L1", 3, "", given)
    assert [(plan.run, plan.cell) for plan in plans] == [(3, cell)]
    assert study.budgets.turns == 400


PAGE = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")


def told(language: str) -> list[str]:
    """The blocks of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_entry_that_the_page_shows_serves_what_it_says(tmp_path):
    (block,) = told("json")
    ((name, entry),) = json.loads(block)["mcpServers"].items()
    assert name == NAME
    assert entry["command"].endswith("bin/diagnose")

    async def visit():
        arguments = ["-m", "diagnose", *entry["args"], f"study.folder={tmp_path}"]
        parameters = StdioServerParameters(command=sys.executable, args=arguments, env=ENVIRONMENT)
        async with Client(stdio_client(parameters)) as client:
            await said(client, "done")

    asyncio.run(visit())
    (record,) = recorded(tmp_path)
    assert (record.task, record.model, record.cell) == ("C-L2", "mine/agent-1", "1000")
    assert record.stop_reason == "stopped"
    assert record.interventions["gap_hints"].offered


def test_the_commands_of_the_page_are_ones_that_compose():
    lines = [shlex.split(line) for block in told("bash") for line in block.splitlines()]
    runs = [words[2:] for words in lines if words[:2] == ["diagnose", "run"]]
    served = [words[words.index("mcp", 2) + 1 :] for words in lines if words[1:3] == ["mcp", "add"]]
    assert len(runs) == 3
    assert len(served) == 2
    for overrides in runs:
        assert isinstance(configured(overrides).model, CommandAgent)
    for flag, task_id, *overrides in served:
        assert flag == "--task"
        assert _chosen(task_id, None, "", overrides)[1]
