"""Weights behind an endpoint: reached by litellm as any provider is, and hard to ask wrongly."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diagnose.cli.main import main
from diagnose.errors import NoReplyError
from diagnose.models import Call, Message
from diagnose.models.litellm import LiteLLM
from tests.training.weights import write_adapter, write_model

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
ROOT = Path(__file__).parents[2]
ASKED = [Message("system", "Build."), Message("user", "Light the lamp.")]
CALL = Call((0, "A-L1", 0), 0, "episode")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a model and an adapter, as the command starts it."""
    home = tmp_path_factory.mktemp("served")
    base = write_model(home / "base", context=256)
    drawn = write_adapter(home / "drawn", base, trained=True)
    command = ["serve", str(base), "--adapter", f"dft={drawn}", "--port", "0", "--batch", "4"]
    place = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "diagnose", *command],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **place},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"base, dft at (http://\S+/v1)", said)
        try:
            assert found, said
            yield found[1]
        finally:
            process.terminate()


def subject(address: str, name: str, **settings: Any) -> LiteLLM:
    given = {"max_tokens": 20, "temperature": 1.0, "attempts": 1, **settings}
    return LiteLLM(model=f"openai/{name}", api_base=address, **given)


def test_litellm_reaches_it_by_seed_and_by_name(address: str) -> None:
    first = subject(address, "base").reply(ASKED, CALL)
    assert first == subject(address, "base").reply(ASKED, CALL)
    assert first.finish == "length"
    assert first.usage.output_tokens == 20
    assert first.usage.input_tokens == len("Build.Light the lamp.system\nuser\nassistant\n") + 5
    other = Call((0, "A-L1", 1), 0, "episode")
    assert subject(address, "base").reply(ASKED, other).text != first.text
    assert subject(address, "dft").reply(ASKED, CALL).text != first.text
    stop = first.text[5]
    cut = subject(address, "base", extra={"stop": [stop]}).reply(ASKED, CALL)
    assert cut.text == first.text[: first.text.index(stop)]
    with pytest.raises(NoReplyError, match="context_window"):
        subject(address, "base").reply([Message("user", "long " * 100)], CALL)


def ask(address: str, body: object, path: str = "/chat/completions") -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = urllib.request.Request(address + path, raw)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"model": "nobody"}, 404, "no model"),
        ({"model": 3}, 404, "no model"),
        ({"messages": []}, 400, "at least one"),
        ({"messages": [{"role": "robot", "content": "a"}]}, 400, "role"),
        ({"messages": [{"role": "user", "content": 3}]}, 400, "text"),
        ({"messages": ["a"]}, 400, "text"),
        ({"temperature": "hot"}, 400, "temperature"),
        ({"temperature": -1}, 400, "temperature"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"seed": 1.5}, 400, "whole"),
        ({"stop": [1]}, 400, "stop"),
        ({"tools": [{}]}, 400, "tools"),
        ({"n": 2}, 400, "one answer"),
        ({"stream": True}, 400, "stream"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(
    address: str, changes: dict[str, object], status: int, told: str
) -> None:
    good = {"model": "base", "messages": [{"role": "user", "content": "a"}], "max_tokens": 2}
    found, answer = ask(address, {**good, **changes})
    assert found == status
    assert told in answer["error"]["message"]
    assert ask(address, good)[0] == 200  # and the next is answered


def test_what_is_no_request_is_refused(address: str) -> None:
    assert ask(address, b"{")[0] == 400
    assert ask(address, [1])[0] == 400
    assert ask(address, {}, "/embeddings")[0] == 404
    with urllib.request.urlopen(f"{address}/models") as answer:
        assert [one["id"] for one in json.load(answer)["data"]] == ["base", "dft"]


def test_what_cannot_be_served_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", str(tmp_path)]) == 2
    assert "config.json" in capsys.readouterr().err
    base = write_model(tmp_path / "base")
    capsys.readouterr()
    assert main(["serve", str(base), "--adapter", "dft"]) == 2
    assert "save_pretrained" in capsys.readouterr().err
