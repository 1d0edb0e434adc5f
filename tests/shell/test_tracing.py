"""One incident is one trace, whichever process works at it; where nobody asks for traces there is nothing."""

import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from structlog.testing import capture_logs

from tests.shell.fake_api import FakeApi
from tests.shell.running import Running
from tests.shell.world import OVER, TAKEN, answers, until
from watchbill.cli import run as command
from watchbill.shell import otlp
from watchbill.shell.otlp import Otlp
from watchbill.shell.spans import is_asked_for, trace_id, traced

UID, OTHER = "0d6f2f1c-7c7e-4a53-9a7e-000000000001", "0d6f2f1c-7c7e-4a53-9a7e-000000000002"
SPEC = {"title": "Checkout returns 500", "severity": "SEV-1", "setBy": {"declaration": "ana"}}


@pytest.fixture
def memory() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@asynccontextmanager
async def process(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, memory: InMemorySpanExporter
) -> AsyncIterator[Running]:
    """An operator that begins, with a provider of its own, and ends."""
    spans = Otlp({}, SimpleSpanProcessor(memory))
    running = Running(api, monkeypatch, traced(spans))
    async with running.running():
        yield running


def of(memory: InMemorySpanExporter, uid: str) -> list[ReadableSpan]:
    return [span for span in memory.get_finished_spans() if span.context.trace_id == trace_id(uid)]


def sends(spans: list[ReadableSpan]) -> list[tuple[str, object]]:
    found = [span for span in spans if not span.name.startswith("reconcile")]
    return [(span.name, (span.attributes or {})["watchbill.result"]) for span in found]


@pytest.mark.convention(59)
async def test_one_incident_is_one_trace_through_processes_updates_and_refusals(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, memory: InMemorySpanExporter
):
    async with process(api, monkeypatch, memory) as first:
        first.furnish()
        first.vendors.answer["backup"] = answers(503)
        first.put("Incident", "cart", SPEC, uid=UID)
        await until(lambda: ("trigger webhook", "retry") in sends(of(memory, UID)))
        first.vendors.answer["backup"] = answers(202)
        await until(lambda: first.hop == "Accepted")
        first.put("Incident", "search", SPEC, uid=OTHER)
        update = {"incidentRef": {"name": "cart"}, "by": "ana", "audience": ["Internal"], "text": "on it"}
        first.put("IncidentUpdate", "news", update)
        await until(lambda: sends(of(memory, OTHER)) == [("trigger webhook", "ok")])
    async with process(api, monkeypatch, memory) as second:
        second.change(**TAKEN)
        await until(lambda: second.status.get("phase") == "Acknowledged")
        second.change(**OVER)
        await until(lambda: ("resolve webhook", "ok") in sends(of(memory, UID)))
    one, other = of(memory, UID), of(memory, OTHER)
    assert len(one) + len(other) == len(memory.get_finished_spans()), "there is no third trace"
    assert {span.name for span in one} >= {"reconcile Incident", "reconcile IncidentUpdate"}
    assert sends(one)[:2] == [("trigger webhook", "retry"), ("trigger webhook", "ok")]
    looks = {span.context.span_id for span in one if span.name == "reconcile Incident"}
    page, *_ = [span for span in one if span.name == "trigger webhook"]
    assert page.parent is not None
    assert page.parent.span_id in looks, "a send belongs to the look that decided on it"
    assert (page.status.status_code, page.status.description) == (StatusCode.ERROR, "HTTP503")
    assert page.attributes == {
        "k8s.namespace.name": "shop",
        "watchbill.name": "cart",
        "watchbill.connection": "shop/backup",
        "watchbill.level": "first",
        "watchbill.result": "retry",
    }
    assert format(page.context.trace_id, "032x") == UID.replace("-", ""), "whoever has the UID finds it"


async def test_what_raises_is_told_by_the_name_of_its_kind_alone(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, memory: InMemorySpanExporter
):
    async with process(api, monkeypatch, memory) as running:

        async def broken(key: object) -> None:
            raise RuntimeError("s3cret")

        monkeypatch.setattr(running.app.incidents, "reconcile", broken)
        running.furnish()
        with capture_logs() as lines:
            running.put("Incident", "cart", SPEC, uid=UID)
            await until(lambda: of(memory, UID))
    span = of(memory, UID)[0]
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "RuntimeError")
    assert "s3cret" not in span.to_json()
    assert any(line["event"].startswith("reconcile failed") for line in lines)


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "watchbill"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_sent_where_the_standard_variables_name_a_place(environment: dict[str, str], asked: bool):
    assert is_asked_for(environment) is asked


def test_nothing_of_it_is_loaded_where_nobody_asks():
    code = "import watchbill.cli.run, sys; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_an_operator_without_the_extra_runs_and_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "watchbill.shell.otlp", None)
    with capture_logs() as lines:
        assert command._spans() is None
    assert [line["event"] for line in lines] == ["no traces are sent: watchbill[tracing] is not installed"]


class Collector(BaseHTTPRequestHandler):
    """Takes what is exported, as an OpenTelemetry collector does."""

    taken: list[tuple[str, ExportTraceServiceRequest]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    Collector.taken = []
    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_last_spans_are_sent_by_otlp_when_the_process_ends(collector: HTTPServer):
    spans = command._spans()
    assert spans is not None
    with spans.span("reconcile Incident", UID, {"watchbill.name": "cart"}):
        pass
    spans.close()
    ((path, request),) = Collector.taken
    assert path == "/v1/traces"
    (resource,) = request.resource_spans
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named["service.name"] == "watchbill"
    (span,) = resource.scope_spans[0].spans
    assert (span.name, span.trace_id.hex()) == ("reconcile Incident", UID.replace("-", ""))


def test_a_collector_that_hangs_holds_up_the_end_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(otlp, "CLOSING", 0.05)
    release = threading.Event()

    class Hanging(SimpleSpanProcessor):
        def shutdown(self) -> None:
            release.wait(60)

    Otlp({}, Hanging(InMemorySpanExporter())).close()
    release.set()
