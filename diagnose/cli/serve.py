"""``diagnose serve``: weights behind an OpenAI-compatible endpoint, for litellm and others."""

import argparse
from pathlib import Path

from diagnose.cli.main import OK
from diagnose.errors import ConfigError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("model", help="folder of a causal language model, or a GGUF file")
    parser.add_argument("--adapter", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--template", default="own", help="of messages; plain, or a file of Jinja")
    parser.add_argument("--name", default="", help="of the model itself; by default its folder's")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090, help="0 = any that is free")
    parser.add_argument("--batch", type=int, default=32, help="answers written side by side")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cpu")


def main(given: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        ConfigError: weights cannot be read or do not fit, two have one name, or the port is taken.
    """
    from diagnose.models.local.loading import torch_of
    from diagnose.models.local.settings import Settings
    from diagnose.weights import check_base, weights_sha256

    own = {name: getattr(given, name) for name in ("template", "batch", "dtype", "device")}
    settings = Settings(given.model, **own)
    weights_sha256("model", given.model)
    names = {given.name or Path(given.model).resolve().name: ""}
    for text in given.adapter:
        name, _, folder = text.partition("=")
        if not name or name in names:
            raise ConfigError("--adapter", text, "give NAME=FOLDER, each name once")
        weights_sha256("--adapter", folder)
        check_base("--adapter", folder, given.model)
        names[name] = folder
    torch_of()
    from diagnose.models.local.endpoint import Endpoint, server

    with server(Endpoint(settings, names), given.host, given.port) as serving:
        host, port = serving.server_address[:2]
        said = f"http://{host!s}:{port}/v1"
        print(f"{', '.join(names)} at {said} (subject=litellm subject.api_base={said})", flush=True)
        serving.serve_forever()
    return OK
