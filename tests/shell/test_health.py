"""What the kubelet hears: progress, in one line."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import pytest

from tests.shell.fake_time import FakeTime
from watchbill.shell.health import CannotListen, HealthServer, Ticker, liveness, readiness
from watchbill.shell.metrics import Metrics


@dataclass
class State:
    """A queue, a watch, an elector and a syncer, as health sees them."""

    oldest_age: timedelta = timedelta(0)
    watching: bool = True
    down_for: float = 0.0
    running: bool = True
    synced: bool = True
    problem: str = ""


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def elector() -> State:
    return State()


@pytest.fixture
async def server(
    state: State, elector: State, time: FakeTime, metrics: Metrics
) -> AsyncIterator[HealthServer]:
    live = liveness(Ticker(time.monotonic), state, state, elector, state)
    made = HealthServer(metrics, live, readiness(state, state))
    await made.start("127.0.0.1:0")
    yield made
    await made.stop()


async def get(server: HealthServer, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


@pytest.mark.convention(58)
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_all_is_well(server: HealthServer, path: str):
    assert await get(server, path) == (200, "ok\n")


@pytest.mark.convention(58)
@pytest.mark.parametrize(
    ("path", "fault", "said"),
    [
        ("/livez", {"oldest_age": timedelta(seconds=61)}, "queue: a key has waited 61 s"),
        ("/livez", {"down_for": 121.0}, "watch: down for 121 s"),
        ("/livez", {"running": False}, "resync: nobody compares with the API server"),
        (
            "/readyz",
            {"synced": False, "problem": "Incident\ncannot be listed"},
            "sync: Incident cannot be listed",
        ),
        ("/readyz", {"watching": False}, "watch: kopf does not watch"),
    ],
)
async def test_a_fault_is_said_in_one_line(
    server: HealthServer, state: State, path: str, fault: dict[str, object], said: str
):
    for name, value in fault.items():
        setattr(state, name, value)
    assert await get(server, path) == (503, f"{said}\n")


@pytest.mark.convention(58)
async def test_a_loop_that_does_not_tick_is_a_fault(server: HealthServer, time: FakeTime):
    time.advance(11)
    assert await get(server, "/livez") == (503, "loop: no tick for 11 s\n")


async def test_two_faults_are_both_said(server: HealthServer, state: State, elector: State):
    elector.running, state.down_for = False, 200.0
    assert (await get(server, "/livez"))[1] == "watch: down for 200 s; lease: nobody tries to renew it\n"


@pytest.mark.convention(58)
async def test_metrics_are_served_as_prometheus_has_them(server: HealthServer):
    status, text = await get(server, "/metrics")
    assert status == 200
    assert "# TYPE watchbill_incidents gauge" in text


async def test_a_ticker_ticks_until_it_is_stopped(time: FakeTime):
    ticker = Ticker(time.monotonic)
    time.advance(5)
    ticker.start()
    assert ticker.silent_for == 5
    await asyncio.sleep(0)
    assert ticker.silent_for == 0
    ticker.stop()


async def test_an_address_that_is_taken_is_said_in_one_sentence(server: HealthServer, metrics: Metrics):
    other = HealthServer(metrics, {}, {})
    with pytest.raises(CannotListen, match=f"127.0.0.1:{server.port} cannot be listened on; choose another"):
        await other.start(f"127.0.0.1:{server.port}")
