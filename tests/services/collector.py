"""A trace collector: OTLP over HTTP, decoded with the official messages; it can refuse."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """Listens on a free port until it is closed."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, Any]] = []
        self.refuse = 0  # so many requests are answered with 503
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                refused = self.path != "/v1/traces" or collector.refuse > 0
                collector.refuse -= 1
                if not refused:
                    collector.headers.append(dict(self.headers))
                    zipped = self.headers.get("Content-Encoding") == "gzip"
                    collector.take(gzip.decompress(raw) if zipped else raw)
                self.send_response(400 if refused else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, raw: bytes) -> None:
        for one in ExportTraceServiceRequest.FromString(raw).resource_spans:
            self.resources.append(values(one.resource.attributes))
            for scope in one.scope_spans:
                self.spans += scope.spans

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def values(attributes: Any) -> dict[str, Any]:
    """Attributes as plain values."""
    found = {}
    for one in attributes:
        kind = one.value.WhichOneof("value")
        value = getattr(one.value, kind)
        found[one.key] = (
            [inner.string_value for inner in value.values] if kind == "array_value" else value
        )
    return found
