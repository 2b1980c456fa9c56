"""moto's S3 server, PORT FILE: it answers 503 while FILE is there."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

port, faulty = int(sys.argv[1]), Path(sys.argv[2])
served = DomainDispatcherApplication(create_backend_app)


def application(environ: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
    if faulty.exists():
        start("503 Service Unavailable", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]
    return served(environ, start)


run_simple("127.0.0.1", port, application, threaded=True)
