"""One thing is done again and again, in its time."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.shell.fake_time import FakeTime
from tests.shell.settling import settle
from watchbill.shell.every import Every


class Sleeper:
    """Sleeps in a time of its own, until it has slept three times."""

    def __init__(self, time: FakeTime) -> None:
        self._time = time
        self.naps: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.naps.append(seconds)
        self._time.advance(seconds)
        if len(self.naps) == 3:
            await asyncio.Event().wait()


@pytest.mark.parametrize(("takes", "naps"), [(0, [30, 30, 30]), (10, [20, 20, 20]), (31, [0, 0, 0])])
async def test_turns_come_a_period_apart_whatever_each_takes(time: FakeTime, takes: int, naps: list[int]):
    turns: list[float] = []
    sleep = Sleeper(time)

    async def act() -> None:
        turns.append(time.monotonic())
        time.advance(takes)

    every = Every("a test", 30, act, time.monotonic, sleep)
    every.start()
    await settle()
    assert (len(turns), sleep.naps) == (3, naps)
    await every.stop()
    await every.stop()


async def test_what_it_raises_ends_it_and_is_logged(time: FakeTime):
    async def act() -> None:
        raise RuntimeError("a bug")

    every = Every("a test", 30, act, time.monotonic)
    with capture_logs() as lines:
        every.start()
        await settle()
    (line,) = lines
    assert (line["log_level"], line["what"], str(line["exc_info"])) == ("error", "a test", "a bug")
    await every.stop()


async def test_what_was_never_started_can_be_stopped(time: FakeTime):
    async def act() -> None:
        raise AssertionError("it was not started")

    await Every("a test", 30, act, time.monotonic).stop()
