"""The API server that the tests of the shell talk to, and the time that they live in."""

from collections.abc import AsyncIterator

import pytest

from tests.shell.fake_api import FakeApi, connected, serving
from tests.shell.fake_time import FakeTime, RunningTime
from tests.shell.world import World
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
async def world(api: FakeApi) -> AsyncIterator[World]:
    time = RunningTime()
    async with connected(api, time.clock()) as session:
        made = World(api, session, time)
        yield made
        await made.stop()
