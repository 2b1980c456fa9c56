"""A command-line agent that stands in for the vendors': it speaks MCP through the SDK's client.

usage: outside_agent.py CONFIG MODE [FILE]     CONFIG as in ``claude --mcp-config``
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mcp import Client, StdioServerParameters, stdio_client

from diagnose.env.experiments import true_laws
from diagnose.tasks import all_tasks, build_device, family_of

BILL = {
    "result": "The device passes.",
    "total_cost_usd": 0.0125,
    "usage": {"input_tokens": 1200, "cache_read_input_tokens": 34, "output_tokens": 56},
}


def gold_for(text: str) -> list[list[object]]:
    """The device of the task that a text describes; nothing but the text is known."""
    (named,) = [one for one in all_tasks() if family_of(one).text(one).strip() in text]
    return build_device(named, true_laws()).to_json()["blocks"]


def linger(file: str) -> None:
    """Start a child, say who both are, and stay."""
    child = subprocess.Popen(["sleep", "600"])
    Path(file).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)


async def talk(server: dict[str, object], mode: str, file: str) -> None:
    parameters = StdioServerParameters(command=server["command"], args=server["args"])
    async with Client(stdio_client(parameters)) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        assert {"run_python", "place", "verify"} <= listed
        if mode == "mute":
            return
        if mode == "gold":
            text = (await client.get_prompt("task")).messages[0].content.text
            await client.call_tool("build", {"blocks": gold_for(text)})
            await client.call_tool("press")
            await client.call_tool("verify")
            return
        block = os.environ["FAKE_KEY"] if mode == "leak" else "stone"
        await client.call_tool("place", {"x": 4, "y": 1, "z": 4, "block": block})
        if mode == "hang":
            linger(file)


def main() -> None:
    config, mode, *rest = sys.argv[1:]
    file = rest[0] if rest else ""
    if mode == "look":
        seen = {
            "env": dict(os.environ),
            "here": sorted(map(str, Path().iterdir())),
            "home": sorted(map(str, Path.home().iterdir())),
        }
        Path(file).write_text(json.dumps(seen | {"stdin": sys.stdin.read()}))
        mode = "leave"
    if mode == "crash":
        sys.exit(f"cannot log in with {os.environ['FAKE_KEY']}")
    if mode == "slow":
        time.sleep(600)
    (server,) = json.loads(Path(config).read_text())["mcpServers"].values()
    asyncio.run(talk(server, mode, file))
    if mode == "quota":
        sys.exit("You have reached your usage limit.")
    if mode == "shot":
        os.kill(os.getpid(), signal.SIGKILL)
    print(json.dumps(BILL))
    if mode == "worn":
        sys.exit(1)


main()
