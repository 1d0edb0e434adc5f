"""The server in memory, as it is talked to: by our client without a socket, by kopf, by a whole operator."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.operator_process import OperatorProcess
from tests.conformance.api import connection, incident
from tests.conformance.servers import VirtualClock
from tests.shell.world import spec_of
from tests.support.apiserver.answers import Answer
from tests.support.apiserver.in_process import InProcess
from tests.support.apiserver.over_http import InThread
from tests.support.apiserver.reading import Request
from tests.support.apiserver.requests import ApiServer, NoAnswer
from tests.support.apiserver.watching import Stream
from tests.support.builders import incident_class, policy, target
from tests.support.lists import listed
from watchbill.api.group import API_VERSION, DEFAULT_CLASS_ANNOTATION
from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials
from watchbill.shell.kube import Conflict, Kube, NotFound, Refused, Unreachable
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import core_path, lease_path, path_of
from watchbill.shell.watch import Watch

ALL = path_of("Connection", "shop")
ONE = path_of("Connection", "shop", "a")


def with_a_shop(now: Callable[[], datetime]) -> ApiServer:
    server = ApiServer(now)
    for name in ("shop", "watchbill"):
        server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return server


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def server(clock: VirtualClock) -> ApiServer:
    return with_a_shop(clock.now)


async def until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not fact():
            await asyncio.sleep(0.01)


async def test_our_client_needs_no_socket(server: ApiServer, clock: VirtualClock):
    own = Clock()
    kube = Kube(InProcess(server.handle), own, Metrics())
    made = await kube.post(ALL, connection("a"))
    at = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    await kube.patch_status(ONE, at | {"status": {"observedGeneration": 1}})
    with pytest.raises(Conflict):
        await kube.patch_status(ONE, at | {"status": {"observedGeneration": 2}})
    assert (await kube.get(ONE))["status"] == {"observedGeneration": 1}
    await kube.post(ALL, connection("b"))
    assert [item["metadata"]["name"] for item in (await listed(kube, ALL, limit=1)).items] == ["a", "b"]
    await kube.delete(ONE)
    with pytest.raises(NotFound):
        await kube.get(ONE)
    assert own.skew < timedelta(days=-1), "the server tells its own time"
    await kube.close()


async def test_whoever_stands_before_the_server_makes_faults(server: ApiServer):
    faults: list[Callable[[], Any]] = []

    async def handle(request: Request) -> Answer | Stream:
        found = await server.handle(request)
        return await faults.pop()() if faults else found

    async def break_off() -> Answer:
        raise NoAnswer

    async def hang() -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async def be_busy() -> Answer:
        return Answer(429, {"reason": "TooManyRequests"}, {"Retry-After": "3"})

    kube = Kube(InProcess(handle), Clock(), Metrics())
    faults.append(break_off)
    with pytest.raises(Unreachable):
        await kube.post(ALL, connection("a"))
    assert (await kube.get(ONE))["metadata"]["name"] == "a", "it was written before the answer was lost"
    faults.append(hang)
    with pytest.raises(Unreachable):
        await kube.get(ONE, timeout=0.01)
    faults.append(be_busy)
    with pytest.raises(Refused) as raised:
        await kube.get(ONE)
    assert raised.value.retry_after == pytest.approx(3.0)


def test_what_is_not_modeled_is_refused_and_not_guessed(server: ApiServer):
    server.ask("POST", ALL, connection("a"))
    assert server.ask("GET", ALL, watch="true", labelSelector="a=b")["code"] == 501
    assert server.ask("DELETE", ALL)["code"] == 501
    assert server.ask("GET", ALL, dryRun="All")["code"] == 501
    assert server.ask("PATCH", f"{ONE}/scale", {"spec": {}})["code"] == 501


def test_every_run_has_the_same_answers():
    def run() -> list[dict[str, Any]]:
        server = with_a_shop(VirtualClock().now)
        unnamed = connection("a") | {"metadata": {"generateName": "a-"}}
        return [server.ask("POST", ALL, unnamed), server.ask("GET", ALL)]

    assert run() == run()


def test_time_passes_for_a_watch_as_a_test_has_it(server: ApiServer, clock: VirtualClock):
    stream = server.answer(Request("GET", ALL, {"watch": "true", "resourceVersion": "102"}))
    assert isinstance(stream, Stream)
    clock.advance(1799)
    assert (server.drain(stream), stream.ended) == ([], False)
    clock.advance(1)
    assert (server.drain(stream), stream.ended) == ([], True)


def test_a_bookmark_comes_every_minute_where_something_has_happened(server: ApiServer, clock: VirtualClock):
    query = {"watch": "true", "resourceVersion": "102", "allowWatchBookmarks": "true"}
    stream = server.answer(Request("GET", ALL, query))
    assert isinstance(stream, Stream)
    clock.advance(60)
    assert server.drain(stream) == []
    server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    clock.advance(60)
    assert [event["object"]["metadata"]["resourceVersion"] for event in server.drain(stream)] == ["103"]


def test_a_watch_that_lags_behind_what_is_forgotten_ends_with_410(server: ApiServer):
    stream = server.answer(Request("GET", ALL, {"watch": "true", "resourceVersion": "102"}))
    assert isinstance(stream, Stream)
    server.ask("POST", ALL, connection("a"))
    server.forget()
    (event,) = server.drain(stream)
    assert (event["type"], event["object"]["code"], stream.ended) == ("ERROR", 410, True)


def test_what_a_watch_told_can_be_changed_without_changing_what_is_stored(server: ApiServer):
    server.ask("POST", ALL, connection("a"))
    stream = server.answer(Request("GET", ALL, {"watch": "true"}))
    assert isinstance(stream, Stream)
    server.drain(stream)[0]["object"]["spec"].clear()
    assert server.ask("GET", ONE)["spec"] == {"console": {}}


async def test_kopf_watches_it():
    server = with_a_shop(lambda: datetime.now(UTC))
    server.ask("POST", ALL, connection("listed"))
    told: list[tuple[str | None, str]] = []
    with InThread(server) as served:
        watch = Watch(
            Credentials(served.url),
            Clock(),
            Metrics(),
            lambda kind, type_, raw: told.append((type_, raw["metadata"]["name"])),
        )
        watch.start()
        try:
            assert await watch.all_watched(within=5)
            server.ask("POST", ALL, connection("a"))
            server.ask("PATCH", f"{ONE}/status", {"status": {"observedGeneration": 1}})
            server.ask("DELETE", ONE)
            await until(lambda: ("DELETED", "a") in told)
        finally:
            await watch.stop()
    assert told == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_whole_operator_runs_against_it(tmp_path: Path):
    server = with_a_shop(lambda: datetime.now(UTC))
    furnish(server)
    with InThread(server) as served:
        process = OperatorProcess(kubeconfig(tmp_path, served.url), tmp_path / "operator.log")
        with process:
            server.ask("POST", path_of("Incident", "shop"), incident("cart") | {"spec": SPEC})
            await until(lambda: phase(server) == "Triggered")
            taken: dict[str, Any] = {"spec": {"acknowledgedBy": {"ana": {}}}}
            server.ask("PATCH", path_of("Incident", "shop", "cart"), taken)
            await until(lambda: phase(server) == "Acknowledged")
            lease = server.ask("GET", lease_path("watchbill", "watchbill"))
            assert lease["spec"]["holderIdentity"] == "operator"
            await until(lambda: server.ask("GET", core_path("events", "shop"))["items"])
    assert server.ask("GET", lease_path("watchbill", "watchbill"))["spec"]["holderIdentity"] == ""


SPEC = {"title": "Checkout is down", "severity": "SEV-1", "setBy": {"declaration": "ana"}}


def phase(server: ApiServer) -> str:
    status = server.ask("GET", path_of("Incident", "shop", "cart")).get("status") or {}
    return str(status.get("phase"))


def furnish(server: ApiServer) -> None:
    """A class, a policy, and a connection."""
    server.ask("POST", ALL, connection("console"))
    levels = ("first", "5m", [target("console")])
    annotations = {DEFAULT_CLASS_ANNOTATION: "true"}
    for path, kind, name, spec in (
        (path_of("EscalationPolicy", "shop"), "EscalationPolicy", "primary", spec_of(policy(levels))),
        (path_of("IncidentClass"), "IncidentClass", "service", spec_of(incident_class())),
    ):
        metadata = {"name": name, "annotations": annotations}
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
        assert server.ask("POST", path, body)["kind"] == kind


def kubeconfig(directory: Path, url: str) -> Path:
    path = directory / "kubeconfig"
    content = {
        "clusters": [{"name": "memory", "cluster": {"server": url}}],
        "users": [{"name": "operator", "user": {}}],
        "contexts": [{"name": "memory", "context": {"cluster": "memory", "user": "operator"}}],
        "current-context": "memory",
    }
    path.write_text(yaml.safe_dump(content))
    return path
