"""The API server that the tests of the shell talk to, and the time that they live in."""

import ssl
from collections.abc import AsyncIterator

import pytest

from dev.pki import create_authority, issue_server
from tests.shell.fake_api import FakeApi, connected, serving
from tests.shell.fake_time import FakeTime, RunningTime
from tests.shell.running import Running
from tests.shell.world import World
from tests.support.apiserver.in_process import InProcess
from watchbill.shell.kube import Kube
from watchbill.shell.metrics import Metrics


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with serving(FakeApi()) as running:
        yield running


@pytest.fixture
async def kube(api: FakeApi) -> AsyncIterator[Kube]:
    async with connected(api) as session:
        yield session


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    time, api = RunningTime(), FakeApi()
    async with connected(api, time.clock(), InProcess(api.handle)) as session:
        made = World(api, session, time)
        yield made
        await made.stop()


@pytest.fixture
async def found(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    running = Running(api, monkeypatch)
    yield running
    await running.app.kube.close()
    await running.app.sender.aclose()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a whole second waits for a tenth."""
    monkeypatch.setattr("watchbill.shell.incidents.RECORD_WAIT", 0.1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What the server shows, and what trusts it."""
    directory = tmp_path_factory.mktemp("pki")
    authority = create_authority(directory)
    pair = issue_server(authority, directory)
    shows = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shows.load_cert_chain(pair.certificate, pair.key)
    return shows, ssl.create_default_context(cafile=str(authority.certificate))
