"""Spans to a collector, by OTLP over HTTP; the extra ``otel``. Imported by its teller alone.

Where to, with which headers and how long to wait say the variables ``OTEL_EXPORTER_OTLP_*``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

import diagnose
from diagnose.errors import InfrastructureError
from diagnose.observe.feed import Feed
from diagnose.observe.spans import Span, spans_of
from diagnose.redaction import Redactor, secret_values

AT_ONCE = 16  # episodes to a request
LONGEST = 8_000  # characters of what was said in one attribute


class Traces:
    """Tells each episode that ran as a trace."""

    def __init__(self, home: Path, told: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Begin where the last one ended.

        Args:
            home: where the study's process writes.
            told: what ``state`` of the last one returned.
            given: ``study``: its folder's name; ``content``: whether what was said is told.
        """
        self._feed = Feed(home, int(told.get("timings", 0)))
        self._settled = self._feed.offset
        self._batch: list[Span] = []
        self._resource = Resource.create(
            {"service.name": "diagnose", "service.version": diagnose.__version__}
            | {"diagnose.study.folder": str(given["study"])}
            | ({"diagnose.shard": given["shard"]} if given.get("shard") else {})
        )
        self._exporter = OTLPSpanExporter()
        self._redactor = Redactor(secret_values())
        self._content = self._safe if given.get("content") else None
        self.episodes = 0

    def _safe(self, text: str) -> str:
        said = self._redactor.error(text)
        return said if len(said) <= LONGEST else f"{said[:LONGEST]}..."

    @property
    def state(self) -> dict[str, Any]:
        """How far it has come."""
        return {"timings": self._settled}

    def poll(self) -> None:
        """Tell what is new.

        Raises:
            InfrastructureError: the collector did not take it; it is told again next time.
        """
        while True:
            if not self._batch:
                episodes = list(self._feed.episodes(AT_ONCE))
                self._batch = [
                    span for record, timing, _ in episodes for span in self._spans(record, timing)
                ]
                self._count = len(episodes)
            if not self._batch:
                self._settled = self._feed.offset
                return
            done = self._exporter.export([self._readable(span) for span in self._batch])
            if done is not SpanExportResult.SUCCESS:
                raise InfrastructureError("otel", "the collector did not take the spans")
            self._batch, self._settled = [], self._feed.offset
            self.episodes += self._count

    def _spans(self, record: Any, timing: Mapping[str, Any]) -> Sequence[Span]:
        try:
            return spans_of(record, timing, self._content)
        except (ValueError, TypeError, KeyError):  # a timing that something else wrote
            return []

    def finish(self, state: str) -> None:
        """Nothing remains: an episode is told when it has ended."""

    def said(self) -> str:
        """Return what was told, in words."""
        return f"{self.episodes} episodes as traces"

    def _readable(self, span: Span) -> ReadableSpan:
        def context(identifier: int) -> SpanContext:
            sampled = TraceFlags(TraceFlags.SAMPLED)
            return SpanContext(span.trace_id, identifier, is_remote=False, trace_flags=sampled)

        return ReadableSpan(
            name=span.name,
            context=context(span.span_id),
            parent=context(span.parent_id) if span.parent_id else None,
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=SpanKind.CLIENT if span.client else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=InstrumentationScope("diagnose", diagnose.__version__),
        )
