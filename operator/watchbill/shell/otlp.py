"""Sends spans by OTLP over HTTP, as the variables OTEL_* say; needs `watchbill[tracing]`.

It is imported only where traces are asked for.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span as Recorded
from opentelemetry.trace import Status, StatusCode, get_current_span

from watchbill import __version__
from watchbill.shell.spans import trace_id

CLOSING = 2.0
"""Seconds that the last spans get to be sent when the process ends."""

_UID: ContextVar[str] = ContextVar("uid", default="")
"""Whose trace a span that has no parent begins."""


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        uid = _UID.get()
        return trace_id(uid) if uid else super().generate_trace_id()


class _Told:
    """A span that is told what is known of it, and fails by the kind of what is raised within it."""

    def __init__(self, span: Recorded) -> None:
        self._span = span

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.fail(kind.__name__)

    def tell(self, **attributes: str) -> None:
        """Add attributes."""
        self._span.set_attributes(attributes)

    def fail(self, reason: str) -> None:
        """Mark it as failed."""
        self._span.set_status(Status(StatusCode.ERROR, reason))


class Otlp:
    """Spans that a processor gets when they end."""

    def __init__(self, environment: Mapping[str, str], processor: SpanProcessor) -> None:
        named = "OTEL_SERVICE_NAME" in environment
        named = named or f"{SERVICE_NAME}=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
        own = {SERVICE_VERSION: __version__} | ({} if named else {SERVICE_NAME: "watchbill"})
        # What is left is sent by `close`, which does not wait for a collector that is gone.
        self._provider = TracerProvider(
            resource=Resource.create(own), id_generator=_Ids(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("watchbill", __version__)

    @contextmanager
    def span(self, name: str, uid: str, attributes: Mapping[str, str]) -> Iterator[_Told]:
        """A span of the object's trace; it belongs to the span around it where that is of the same trace."""
        around = get_current_span().get_span_context().trace_id
        token = _UID.set(uid)
        try:
            with (
                self._tracer.start_as_current_span(
                    name,
                    None if around == trace_id(uid) else Context(),
                    attributes=attributes,
                    # What is raised may quote a secret.
                    record_exception=False,
                    set_status_on_exception=False,
                ) as span,
                _Told(span) as told,
            ):
                yield told
        finally:
            _UID.reset(token)

    def close(self) -> None:
        """Have what is left sent, for 2 s at most."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSING)


def spans(environment: Mapping[str, str]) -> Otlp:
    """Spans that are sent in batches, by a thread of their own, to where the variables say."""
    return Otlp(environment, BatchSpanProcessor(OTLPSpanExporter()))
