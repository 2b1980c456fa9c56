"""A desk served over the Model Context Protocol: the one module that knows the SDK."""

from __future__ import annotations

import asyncio
import logging
import re
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, cast

from diagnose.errors import ConfigError
from diagnose.models import Tool
from diagnose.subjects.outside.desk import Answer, Desk

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

NAME = "workshop"  # of the server, and of its entry in a client's configuration
TASK = "task"
URI = "workshop://task"
READ = Tool(
    TASK,
    "The rules of the world and the task, in full; costs nothing. Read it first.",
    {"type": "object", "properties": {}, "additionalProperties": False},
)
NAMED = 60  # characters of a client's name that are kept
MOST_LINE = 16_000_000  # characters of a message; a longer one is not read
# An escape in JSON: a surrogate pair, half of one, or any other (so that none begins inside it).
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F]..)|.)"
)


class Lines:
    """A client's messages as the SDK can read them: it would drop what follows in silence.

    Half a surrogate pair, which a model may write and JavaScript passes on, is no Unicode: here it
    becomes the replacement character. A line without end would fill our memory.
    """

    def __init__(self, reader: IO[str]) -> None:
        """Read from a text stream."""
        self._reader = reader

    def readline(self) -> str:
        """Return the next line; an empty text at the end of file."""
        line = self._reader.readline(MOST_LINE)
        if len(line) == MOST_LINE and not line.endswith("\n"):
            while (rest := self._reader.readline(MOST_LINE)) and not rest.endswith("\n"):
                pass
            return "\n"
        if "\\ud" in line.lower():
            line = _ESCAPE.sub(lambda found: "\\ufffd" if found[1] else found[0], line)
        return line


def serve(desk: Desk, reader: IO[str], writer: IO[str]) -> None:
    """Serve one client until it closes its side or dies; ``writer`` carries the protocol alone.

    A fault of the server itself is the desk's to report.

    Args:
        desk: what is served.
        reader: the client's messages, one JSON object a line.
        writer: ours.

    Raises:
        ConfigError: the SDK is not installed.
    """
    check_installed()
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # what a client sends wrong is answered
    try:
        asyncio.run(_serve(desk, reader, writer))
    except* OSError:  # the client died while it was written to
        pass
    except* Exception as error:  # noqa: BLE001 - a thread's end: the episode must hear of it
        desk.fail(error)


def check_installed() -> None:
    """Refuse before anything begins where the SDK is missing.

    Raises:
        ConfigError: see above.
    """
    if find_spec("mcp") is None:
        raise ConfigError("mcp", None, 'install the extra: pip install -e ".[mcp]"')


async def _serve(desk: Desk, reader: IO[str], writer: IO[str]) -> None:
    import anyio
    import mcp_types as types
    from mcp.server.lowlevel import Server
    from mcp.server.stdio import stdio_server
    from mcp.shared.exceptions import MCPError

    whole = f"{desk.rules}\n\n{desk.task}"
    harmless = types.ToolAnnotations(destructive_hint=False, open_world_hint=False)

    def seen(context: ServerRequestContext[Any]) -> None:
        """Note who is calling: it may speak for the subject's name."""
        params = context.session.client_params
        if params:
            info = params.client_info
            desk.client = " ".join(info.name.split())[:NAMED]
            desk.version = " ".join(info.version.split())[:NAMED]

    async def tools(context: ServerRequestContext[Any], _: object) -> types.ListToolsResult:
        seen(context)
        listed = [
            types.Tool(
                name=tool.name,
                description=tool.description,
                input_schema=dict(tool.parameters),
                annotations=harmless,
            )
            for tool in (READ, *desk.tools)
        ]
        return types.ListToolsResult(tools=listed)

    async def call(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        seen(context)
        if params.name == TASK:
            answer = Answer(whole)
        else:
            answer = await asyncio.wrap_future(desk.ask(params.name, params.arguments or {}))
        text = types.TextContent(type="text", text=answer.text)
        return types.CallToolResult(content=[text], is_error=answer.refused)

    async def prompts(context: ServerRequestContext[Any], _: object) -> types.ListPromptsResult:
        seen(context)
        return types.ListPromptsResult(
            prompts=[types.Prompt(name=TASK, description="The rules and the task.")]
        )

    async def prompt(
        context: ServerRequestContext[Any], params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        seen(context)
        if params.name != TASK:
            raise MCPError(types.INVALID_PARAMS, f"there is no such prompt; choose {TASK}")
        said = types.PromptMessage(role="user", content=types.TextContent(type="text", text=whole))
        return types.GetPromptResult(messages=[said])

    async def resources(context: ServerRequestContext[Any], _: object) -> types.ListResourcesResult:
        seen(context)
        one = types.Resource(name=TASK, uri=URI, mime_type="text/plain")
        return types.ListResourcesResult(resources=[one])

    async def resource(
        context: ServerRequestContext[Any], params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        seen(context)
        if str(params.uri) != URI:
            raise MCPError(types.INVALID_PARAMS, f"there is no such resource; choose {URI}")
        said = types.TextResourceContents(uri=URI, mime_type="text/plain", text=whole)
        return types.ReadResourceResult(contents=[said])

    server = Server(
        NAME,
        instructions=whole,
        on_list_tools=tools,
        on_call_tool=call,
        on_list_prompts=prompts,
        on_get_prompt=prompt,
        on_list_resources=resources,
        on_read_resource=resource,
    )
    async with stdio_server(
        anyio.wrap_file(cast("IO[str]", Lines(reader))), anyio.wrap_file(writer)
    ) as (received, sent):
        await server.run(received, sent, server.create_initialization_options())
