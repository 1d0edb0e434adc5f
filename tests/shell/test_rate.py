"""The queue before a connection: tokens, places, and the worst severity first."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.shell.fake_time import FakeTime
from tests.shell.settling import advance, settle
from watchbill.providers.contract import Rate
from watchbill.shell.rate import IN_FLIGHT, Bucket, Limiter

DUE = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


class Queue:
    """A limiter in virtual time, and who came through it in which order."""

    def __init__(self, burst: int, per_second: float) -> None:
        self.time = FakeTime()
        self.limiter = Limiter(Rate(burst, per_second), self.time.monotonic, self.time.call_later)
        self.through: list[str] = []
        self.refused: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def arrive(self, name: str, rank: int = 3, due: datetime = DUE, patience: float = 10.0) -> None:
        async def enter() -> None:
            entered = await self.limiter.enter(rank, due, self.time.monotonic() + patience)
            (self.through if entered else self.refused).append(name)

        self.tasks[name] = asyncio.create_task(enter())
        await settle()


def test_a_bucket_gives_its_burst_at_once_and_then_waits_for_the_next_token():
    bucket = Bucket(Rate(burst=2, per_second=0.5), now=0.0)
    waits = []
    for _ in range(2):
        waits.append(bucket.wait(0.0))
        bucket.take(0.0)
    assert [*waits, bucket.wait(0.0), bucket.wait(1.5), bucket.wait(2.0)] == [0, 0, 2.0, 0.5, 0]


def test_a_bucket_never_holds_more_than_its_burst():
    bucket = Bucket(Rate(burst=1, per_second=1), now=0.0)
    bucket.take(1000.0)
    assert bucket.wait(1000.0) == 1.0


async def test_the_worst_severity_leaves_first_however_late_it_came():
    queue = Queue(burst=1, per_second=1)
    await queue.arrive("first of all")
    await queue.arrive("warning", rank=3)
    await queue.arrive("error", rank=2)
    await queue.arrive("critical", rank=1)
    await advance(queue.time, 9)
    assert queue.through == ["first of all", "critical", "error", "warning"]


async def test_of_one_severity_what_was_due_first_leaves_first():
    queue = Queue(burst=1, per_second=1)
    await queue.arrive("first of all")
    await queue.arrive("due later", due=DUE + timedelta(seconds=1))
    await queue.arrive("due earlier")
    await queue.arrive("due earlier too, came later")
    await advance(queue.time, 9)
    assert queue.through[1:] == ["due earlier", "due earlier too, came later", "due later"]


async def test_sends_leave_no_faster_than_the_rate():
    queue = Queue(burst=2, per_second=2)
    for number in range(6):
        await queue.arrive(f"send {number}")
    counts = [len(queue.through)]
    for _ in range(4):
        await advance(queue.time, 0.5)
        counts.append(len(queue.through))
    assert counts == [2, 3, 4, 5, 6]


async def test_who_gets_no_token_in_time_is_refused_at_the_deadline_and_not_before():
    queue = Queue(burst=1, per_second=0.05)
    await queue.arrive("first of all")
    await queue.arrive("too late", patience=10)
    await advance(queue.time, 9.9)
    before = list(queue.refused)
    await advance(queue.time, 0.1)
    assert (before, queue.refused) == ([], ["too late"])


async def test_who_was_refused_uses_no_token():
    queue = Queue(burst=1, per_second=0.1)
    await queue.arrive("first of all")
    await queue.arrive("impatient", patience=1)
    await queue.arrive("patient", patience=10)
    await advance(queue.time, 10)
    assert (queue.through, queue.refused) == (["first of all", "patient"], ["impatient"])


async def test_no_more_are_in_flight_than_there_are_places():
    queue = Queue(burst=1000, per_second=1000)
    for number in range(IN_FLIGHT + 2):
        await queue.arrive(f"send {number}")
    before = len(queue.through)
    queue.limiter.leave()
    await settle()
    assert (before, len(queue.through)) == (IN_FLIGHT, IN_FLIGHT + 1)


async def test_a_token_that_was_not_used_serves_the_next():
    queue = Queue(burst=1, per_second=0.01)
    await queue.arrive("unwanted")
    await queue.arrive("next")
    queue.limiter.leave(used=False)
    await settle()
    assert queue.through == ["unwanted", "next"]


async def test_while_the_vendor_wants_silence_nobody_leaves_and_then_the_worst_first():
    queue = Queue(burst=10, per_second=10)
    queue.limiter.close(5)
    await queue.arrive("warning", rank=3)
    await queue.arrive("critical", rank=1)
    await advance(queue.time, 4.9)
    before = list(queue.through)
    await advance(queue.time, 0.2)
    assert (before, queue.through) == ([], ["critical", "warning"])


async def test_a_silence_past_the_deadline_refuses_at_once():
    queue = Queue(burst=10, per_second=10)
    queue.limiter.close(60)
    await queue.arrive("page", patience=10)
    assert queue.refused == ["page"]


async def test_a_shorter_silence_does_not_end_a_longer_one():
    queue = Queue(burst=10, per_second=10)
    queue.limiter.close(60)
    queue.limiter.close(1)
    await advance(queue.time, 2)
    await queue.arrive("page", patience=10)
    assert queue.refused == ["page"]


@pytest.mark.parametrize("moment", ["while it waits", "just as it is let through"])
async def test_a_send_that_is_cancelled_takes_nothing_from_the_others(moment: str):
    queue = Queue(burst=1, per_second=0.01)
    await queue.arrive("first of all")
    await queue.arrive("cancelled", rank=1)
    await queue.arrive("next", rank=2)
    if moment == "just as it is let through":
        queue.limiter.leave(used=False)
    queue.tasks["cancelled"].cancel()
    await settle()
    if moment == "while it waits":
        queue.limiter.leave(used=False)
        await settle()
    assert queue.through == ["first of all", "next"]
