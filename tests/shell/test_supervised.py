"""What runs in a thread of its own is started again, whatever it ends by."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from watchbill.shell import supervised
from watchbill.shell.supervised import Supervised

Ending = Callable[[], Awaitable[None]]


class Runs:
    """What is supervised: its first runs end as the test says, and the next goes on."""

    def __init__(self, *endings: Ending) -> None:
        self.endings = list(endings)
        self.count = 0
        self.threads: set[str] = set()
        self.restarts = self.beginnings = 0
        self.stopped = 0

    async def operate(self, stop: asyncio.Event, ready: asyncio.Event) -> None:
        self.count += 1
        self.threads.add(threading.current_thread().name)
        ready.set()
        if self.endings:
            return await self.endings.pop(0)()
        await stop.wait()
        self.stopped += 1


async def raises() -> None:
    raise RuntimeError("error in the watch-stream")


async def returns() -> None:
    return None


async def is_cancelled() -> None:
    raise asyncio.CancelledError


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fact():
            await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "FIRST_PAUSE", 0.001)


@pytest.fixture
async def started() -> AsyncIterator[Callable[[Runs], Supervised]]:
    made: list[Supervised] = []

    def start(runs: Runs) -> Supervised:
        thread = Supervised("watched", runs.operate, asyncio.get_running_loop().time)

        def count() -> None:
            runs.restarts += 1

        def begun() -> None:
            runs.beginnings += 1

        thread.on_end, thread.on_begin = count, begun
        thread.start()
        made.append(thread)
        return thread

    yield start
    for each in made:
        await each.stop()


Start = Callable[[Runs], Supervised]


async def test_it_runs_in_a_thread_of_its_own_until_it_is_stopped(started: Start):
    runs = Runs()
    thread = started(runs)
    await until(lambda: thread.ready)
    assert runs.threads == {"watched"}
    assert thread.down_for == 0
    await thread.stop()
    assert (runs.count, runs.stopped, runs.restarts) == (1, 1, 0)
    assert not thread.ready


@pytest.mark.parametrize("ending", [raises, returns, is_cancelled])
async def test_it_is_started_again_whatever_it_ends_by(started: Start, ending: Ending):
    runs = Runs(ending, ending)
    thread = started(runs)
    await until(lambda: runs.count == 3 and thread.ready)
    await until(lambda: runs.beginnings == 3)
    assert runs.restarts == 2


async def test_it_ends_and_begins_on_request(started: Start):
    runs = Runs()
    thread = started(runs)
    await until(lambda: thread.ready)
    thread.restart()
    assert not thread.ready
    await until(lambda: runs.count == 2 and thread.ready)
    assert (runs.stopped, runs.restarts) == (1, 1)


async def test_a_stop_right_after_the_start_ends_it_too(started: Start):
    runs = Runs()
    thread = started(runs)
    await thread.stop()
    assert not thread.ready


async def test_a_stop_does_not_wait_for_a_long_pause(started: Start, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervised, "FIRST_PAUSE", 3600.0)
    runs = Runs(raises)
    thread = started(runs)
    await until(lambda: runs.restarts == 1)
    async with asyncio.timeout(5):
        await thread.stop()
    assert runs.count == 1


async def test_what_does_not_end_when_asked_to_is_left_to_itself(
    started: Start, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supervised, "STOPPING", 0.01)
    released = threading.Event()

    async def hang() -> None:
        while not released.is_set():
            await asyncio.sleep(0.001)

    runs = Runs(hang)
    thread = started(runs)
    await until(lambda: thread.ready)
    thread.restart()
    await until(lambda: runs.count == 2 and thread.ready)
    assert runs.restarts == 1
    released.set()


async def test_while_it_is_down_the_time_counts(monkeypatch: pytest.MonkeyPatch):
    now = 0.0
    thread = Supervised("watched", Runs().operate, lambda: now)
    now = 7.0
    assert thread.down_for == 7
