"""The proxies between an operator and all else: what passes, what a fault does to it, and what it counts."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import httpx
import pytest
import yaml

from dev import pki
from tests.faults.catalog import CATALOG
from tests.faults.crossings import Crossing
from tests.faults.network import Fault, Network, Surface
from tests.faults.real.remote import Remote
from tests.faults.real.wire import Wire
from tests.faults.real.world import World
from tests.faults.stage import Stage
from tests.faults.vendors import Vendors
from tests.faults.virtual_time import Process
from tests.faults.watch import Event
from tests.support.apiserver.over_http import serving
from tests.support.apiserver.requests import ApiServer
from watchbill.shell.paths import lease_path, path_of

LEASE = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "watchbill"}}
LEASE |= {"spec": {"holderIdentity": "one", "leaseTransitions": 0}}
PAGE = {"data": {"action": "trigger", "key": "uid/1/1/first/x", "level": "first"}}


@dataclass
class Line:
    """A wire to an API server in memory, and whoever is an operator at its near end."""

    server: ApiServer
    network: Network
    wire: Wire
    process: Process
    operator: aiohttp.ClientSession
    told: dict[str, Callable[[Event], list[tuple[float, Event]] | None]] = field(default_factory=dict)

    def fault(self, place: str, name: str) -> None:
        """Have a fault wait in a place."""
        self.network.upcoming[place] = name

    async def ask(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """The body of the server's answer."""
        async with self.operator.request(method, self.wire.url + path, json=body, params=query) as answer:
            return await answer.json()

    async def take_lease(self) -> Any:
        """The server's answer to whoever makes a lease."""
        return await self.ask("POST", lease_path("plan-1"), LEASE)

    def has_lease(self) -> bool:
        """Whether the server has it."""
        return "spec" in self.server.ask("GET", lease_path("plan-1", "watchbill"))

    async def page(self) -> httpx.Response:
        """What a webhook's receiver answers to a page."""
        async with httpx.AsyncClient(proxy=self.wire.proxy, trust_env=False, timeout=0.5) as client:
            return await client.post("http://backup.example.com/path", json=PAGE)

    @property
    def places(self) -> list[str]:
        """All that was counted, in order."""
        return [each.place for each in self.network.counted.all]


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    authority = pki.create_authority(tmp_path)
    own = pki.issue_server(authority, tmp_path)
    serving_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving_tls.load_cert_chain(own.certificate, own.key)
    server = ApiServer(lambda: datetime.now(UTC))
    for name in ("plan-1", "plan-2"):
        server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump({"clusters": [{"cluster": {"server": "https://elsewhere"}}]}))
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(server))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        cluster = SimpleNamespace(url=url, operator_kubeconfig=kubeconfig)
        around = SimpleNamespace(cluster=cluster, operators=session, serving=serving_tls)
        world = cast("World", around)
        remote = Remote(world, "plan-1", lambda: datetime.now(UTC))
        loop = asyncio.get_running_loop()
        network = Network(remote, Vendors(loop.time, lambda: datetime.now(UTC)), latency=0.0)
        process = Process("one")
        told: dict[str, Callable[[Event], list[tuple[float, Event]] | None]] = {}

        def disturb(crossing: Crossing, event: Event) -> list[tuple[float, Event]] | None:
            change = told.get(crossing.place)
            return change(event) if change else [(0.0, event)]

        wire = Wire(world, remote, lambda: Surface(network, process), disturb)
        await wire.open()
        stack.push_async_callback(wire.close)
        trusting = ssl.create_default_context(cafile=str(authority.certificate))
        connector = aiohttp.TCPConnector(ssl=trusting)
        timeout = aiohttp.ClientTimeout(total=0.5)
        operator = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=timeout)
        )
        network.make = lambda crossing, name: _made(process, crossing, name)
        yield Line(server, network, wire, process, operator, told)


def connection(name: str) -> dict[str, Any]:
    """A Connection that says nothing."""
    identity = {"apiVersion": "watchbill.dev/v1alpha1", "kind": "Connection"}
    return {**identity, "metadata": {"name": name}, "spec": {}}


def _made(process: Process, crossing: Crossing, name: str) -> Fault[Any]:
    """A fault of the catalog; one that kills, kills the process."""
    if name == "crash-before":
        return Fault(before=lambda _: process.kill())
    make = CATALOG[name].make
    assert make is not None
    found = make(cast("Stage", None), crossing)
    assert found is not None
    return found


async def test_an_operator_sees_one_namespace(line: Line):
    for name in ("plan-1", "plan-2"):
        line.server.ask("POST", path_of("Connection", name), connection("pager"))
    connections = await line.ask("GET", path_of("Connection"), limit="500")
    assert [each["metadata"]["namespace"] for each in connections["items"]] == ["plan-1"]


async def test_a_kubeconfig_leads_to_the_wire(line: Line, tmp_path: Path):
    body = yaml.safe_load(line.wire.kubeconfig(tmp_path / "own").read_text())
    assert body["clusters"][0]["cluster"]["server"] == line.wire.url


async def test_what_leaves_is_counted_by_its_place_and_renewals_are_not(line: Line):
    await line.take_lease()
    for _ in range(3):
        await line.ask("PUT", lease_path("plan-1", "watchbill"), LEASE)
    await line.page()
    assert line.places == ["leases~1", "leases~2", "backup-trigger~1"]


@pytest.mark.parametrize(("name", "taken"), [("reset-before", False), ("reset-after", True)])
async def test_a_connection_breaks_before_or_after_the_server_has_written(line: Line, name: str, taken: bool):
    line.fault("leases~1", name)
    with pytest.raises(aiohttp.ClientError):
        await line.take_lease()
    assert line.has_lease() == taken
    assert [each.fault for each in line.network.happened] == [name]


async def test_an_answer_is_another_one_is_cut_off_or_never_comes(line: Line):
    url = line.wire.url + path_of("Connection", "plan-1")
    line.fault("connections~1", "429")
    line.fault("connections~2", "truncated")
    line.fault("connections~3", "hang")
    async with line.operator.post(url, json=connection("refused")) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    async with line.operator.post(url, json=connection("taken")) as answer:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(await answer.read())
    with pytest.raises(TimeoutError):
        await line.operator.post(url, json=connection("lost"))
    found = line.server.ask("GET", path_of("Connection", "plan-1"))
    assert [each["metadata"]["name"] for each in found["items"]] == ["taken"]


async def test_what_a_process_was_about_to_send_when_it_was_killed_never_arrives(line: Line):
    line.fault("leases~1", "crash-before")
    with pytest.raises(TimeoutError):
        await line.take_lease()
    assert line.process.killed
    assert not line.has_lease()


async def test_a_watch_tells_of_an_event_twice_of_another_one_never_and_ends_with_410(line: Line):
    line.told["added-connection~1"] = lambda event: [(0.0, event), (0.05, event)]
    line.told["added-connection~2"] = lambda event: []
    line.told["added-connection~3"] = lambda event: None
    url = line.wire.url + path_of("Connection")
    async with line.operator.get(url, params={"watch": "true"}) as stream:
        for number in range(3):
            line.server.ask("POST", path_of("Connection", "plan-1"), connection(f"pager-{number}"))
            if number == 0:
                told = [json.loads(await stream.content.readline()) for _ in range(2)]
        last = json.loads(await stream.content.readline())
        assert await stream.content.readline() == b""
    assert [each["object"]["metadata"]["name"] for each in told] == ["pager-0", "pager-0"]
    assert (last["type"], last["object"]["code"]) == ("ERROR", 410)


async def test_a_process_that_is_cut_off_gets_no_answer_and_its_streams_break(line: Line):
    async with line.operator.get(line.wire.url + path_of("Connection"), params={"watch": "true"}) as stream:
        line.network.cut_off = lambda process: True
        with pytest.raises(aiohttp.ClientError):
            await line.take_lease()
        with pytest.raises(aiohttp.ClientError):
            await stream.content.readline()
    assert (await line.page()).status_code == 204


async def test_a_page_arrives_and_says_who_sent_it(line: Line):
    assert (await line.page()).status_code == 204
    (page,) = line.network.vendors.pages
    assert (page.vendor, page.level, page.by) == ("backup", "first", "one")


@pytest.mark.parametrize(
    ("name", "error", "arrived"),
    [
        ("broken-before", httpx.TransportError, 0),
        ("broken-after", httpx.TransportError, 1),
        ("silent", httpx.ReadTimeout, 0),
        ("silent-after", httpx.ReadTimeout, 1),
    ],
)
async def test_a_vendor_does_not_answer_whether_it_took_the_page_or_not(
    line: Line, name: str, error: type[Exception], arrived: int
):
    line.fault("backup-trigger~1", name)
    with pytest.raises(error):
        await line.page()
    assert len(line.network.vendors.pages) == arrived


@pytest.mark.parametrize(
    ("name", "status", "arrived"), [("vendor-429", 429, 0), ("vendor-503-taken", 503, 1), ("garbage", 200, 1)]
)
async def test_a_vendor_answers_badly(line: Line, name: str, status: int, arrived: int):
    line.fault("backup-trigger~1", name)
    assert (await line.page()).status_code == status
    assert len(line.network.vendors.pages) == arrived
