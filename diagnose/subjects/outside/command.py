"""A command-line agent as the subject: one process per episode, in an empty folder."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnose.errors import ConfigError, InfrastructureError
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.loop import Conversation
from diagnose.subjects.outside.bill import bill, documents, text
from diagnose.subjects.outside.desk import HIDDEN, Desk
from diagnose.subjects.outside.process import Listener, Process, server_command
from diagnose.subjects.outside.server import NAME, check_installed
from diagnose.subjects.stage import Stage

# What any program needs to find its files, certificates and the way out; nothing of ours.
PASSED = (
    *("PATH", "LANG", "LC_ALL", "TZ", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("NODE_EXTRA_CA_CERTS", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy"),
)
IN_HOME = "home/"  # begins the name of a file that lies in the agent's own home
LEAST_SECRET = 8  # characters of a key that is worth striking out
TOLD = 400  # characters of what an agent printed that are kept


@dataclass(frozen=True, kw_only=True)
class CommandAgent:
    """An ``Agent`` that is a command; conf/subject/cli has a file for each one that is known.

    In ``command``, ``arguments``, ``stdin``, ``files`` and ``variables`` these are replaced:
    ``{prompt}`` by the rules and the task, ``{mcp_config}`` by a file that names the server as most
    agents want it, ``{server_command}`` and ``{server_args}`` by the same as a JSON string and a
    JSON list, ``{home}`` by the agent's home, ``{files}`` by the folder of ``files``, ``{model}``.

    Raises:
        ConfigError: a value cannot be meant.
    """

    label: str  # the name in records; the model's follows, if one is given
    command: Sequence[str]  # the program and its arguments
    model: str = ""  # empty: the agent's default
    model_arguments: Sequence[str] = ()  # added where a model is given
    arguments: Sequence[str] = ()  # added last, for one's own choices
    stdin: str = ""  # what it reads on standard input
    files: Mapping[str, str] = field(default_factory=dict)  # written before; home/NAME in its home
    keys: Sequence[str] = ()  # variables passed on; one must be set unless the home is inherited
    variables: Mapping[str, str] = field(default_factory=dict)  # set besides
    home: str = "own"  # own: empty, and gone afterwards; inherited: the caller's
    usage: Mapping[str, Sequence[str]] = field(default_factory=dict)  # paths in its JSON output
    said: str = ""  # path of its last words
    unobserved: Mapping[str, str] = field(
        default_factory=dict
    )  # cause -> pattern of what it prints
    grace_s: float = 60.0  # how long it may go on after the episode's end, to print its bill

    def __post_init__(self) -> None:
        """Check the values."""
        if not self.command or not all(isinstance(word, str) for word in self.command):
            raise ConfigError("subject.command", self.command, "give a program and its arguments")
        if self.home not in {"own", "inherited"}:
            raise ConfigError("subject.home", self.home, "choose own or inherited")
        for name in self.files:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ConfigError("subject.files", name, "give a path below the folder of files")
            if name.startswith(IN_HOME) and self.home != "own":
                remedy = "nothing is written into your home; put it there yourself, and leave files"
                raise ConfigError("subject.files", name, remedy)
        for cause, pattern in self.unobserved.items():
            _pattern(cause, pattern)

    @property
    def name(self) -> str:
        """See ``Agent.name``."""
        return f"{self.label}/{self.model}" if self.model else self.label

    @contextmanager
    def seated(self, stage: Stage, conversation: Conversation, budgets: Budgets) -> Iterator[Desk]:
        """See ``Agent.seated``.

        Raises:
            ConfigError: the program or its key is missing.
            InfrastructureError: it failed before its first call, or its provider failed it.
        """
        check_installed()
        self._check()
        secrets = self._secrets()
        desk = Desk(self.name, stage, budgets.seconds, secrets)
        with tempfile.TemporaryDirectory(prefix="agent-", ignore_cleanup_errors=True) as root:
            place = _Place(Path(root), self.home)
            words = self._words(place, desk)
            self._furnish(place, words)
            command = [_filled(word, words) for word in self._whole()]
            environment = self._environment(place, words)
            with (
                Listener(desk, place.socket),
                Process(command, place.folder, place.files, environment, desk.leave) as process,
            ):
                with desk:
                    yield desk
                process.finish(self.grace_s if stage.over() else 0)
            self._account(conversation, desk, process)
            if not stage.over():
                self._observed(desk, process, secrets)

    def _whole(self) -> list[str]:
        chosen = self.model_arguments if self.model else ()
        return [*self.command, *chosen, *self.arguments]

    def _check(self) -> None:
        program = self.command[0]
        if shutil.which(program) is None:
            raise ConfigError("subject.command", program, "install it, or put it on PATH")
        if self.keys and self.home == "own" and not any(map(os.environ.get, self.keys)):
            remedy = "set one of these variables, or subject.home=inherited to use your login"
            raise ConfigError("subject.keys", list(self.keys), remedy)

    def _secrets(self) -> list[str]:
        values = (os.environ.get(name, "") for name in self.keys)
        return [value for value in values if len(value) >= LEAST_SECRET]

    def _words(self, place: "_Place", desk: Desk) -> dict[str, str]:
        program, given = server_command(place.socket)
        return {
            "prompt": f"{desk.rules}\n\n{desk.task}",
            "mcp_config": str(place.config),
            "server_command": json.dumps(program),
            "server_args": json.dumps(given),
            "home": place.home,
            "files": str(place.files),
            "model": self.model,
        }

    def _furnish(self, place: "_Place", words: Mapping[str, str]) -> None:
        program, given = server_command(place.socket)
        entry = {"type": "stdio", "command": program, "args": given}
        place.config.write_text(json.dumps({"mcpServers": {NAME: entry}}), encoding="utf-8")
        (place.files / "in").write_text(_filled(self.stdin, words), encoding="utf-8")
        for name, content in self.files.items():
            inside = name.removeprefix(IN_HOME)
            path = (place.files if inside == name else Path(place.home)) / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(content, words), encoding="utf-8")

    def _environment(self, place: "_Place", words: Mapping[str, str]) -> dict[str, str]:
        passed = {name: os.environ[name] for name in (*PASSED, *self.keys) if name in os.environ}
        own = {name: _filled(value, words) for name, value in self.variables.items()}
        return {**passed, "HOME": place.home, **own}

    def _account(self, conversation: Conversation, desk: Desk, process: Process) -> None:
        """Add what the agent reports of itself."""
        found = documents(process.printed("out"))
        used = bill(found, self.usage)
        conversation.input_tokens += used.input_tokens
        conversation.output_tokens += used.output_tokens
        conversation.cost_usd += used.cost_usd
        conversation.log["client"] = f"{desk.client} {desk.version}".strip()
        conversation.log["exit_code"] = process.code
        if last := text(found, self.said):
            conversation.log["said"] = _hidden(last, self._secrets())[:TOLD]

    def _observed(self, desk: Desk, process: Process, secrets: Sequence[str]) -> None:
        """Decide whether an agent that left in the middle has shown what it can.

        Raises:
            InfrastructureError: it has not.
        """
        if process.fault:
            raise ConfigError("subject.command", self.command[0], process.fault)
        printed = "\n".join([process.printed("out"), process.printed("err")])
        last = text(documents(process.printed("out")), self.said) or printed
        told = _hidden(" ".join(last.split()), secrets)[-TOLD:]
        if process.code:
            for cause, pattern in self.unobserved.items():
                if _pattern(cause, pattern).search(printed):
                    raise InfrastructureError(cause, told)
        if process.code is not None and process.code < 0:
            raise InfrastructureError("agent_killed", f"signal {-process.code}: {told}")
        if desk.calls:
            return
        if process.code is None:
            raise InfrastructureError("agent_hung", f"no call before its time was up: {told}")
        if process.code:
            raise InfrastructureError("agent_failed", f"exit code {process.code}: {told}")
        if not desk.client:
            raise InfrastructureError("no_connection", f"it never came to its tools: {told}")


class _Place:
    """The folders of one agent: an empty one to work in, and what it need not see beside it."""

    def __init__(self, root: Path, home: str) -> None:
        self.folder = root / "work"
        self.files = root / "files"
        self.socket = root / "s"  # short: a socket's path has at most about 100 characters
        self.config = root / "files" / "mcp.json"
        own = root / "home"
        for folder in (self.folder, self.files, own):
            folder.mkdir()
        self.home = str(own) if home == "own" else os.environ.get("HOME", str(own))


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Return a template with its words replaced, once: a prompt may speak of {prompt}."""
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), template)


def _hidden(said: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        said = said.replace(secret, HIDDEN)
    return said


def _pattern(cause: str, pattern: Any) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, TypeError) as error:
        field = f"subject.unobserved.{cause}"
        raise ConfigError(field, pattern, f"give a regular expression: {error}") from error
