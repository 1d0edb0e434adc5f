"""The promises of the work queue."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from watchbill.shell.cache import ObjectKey
from watchbill.shell.metrics import Metrics
from watchbill.shell.queue import Queue

NEVER = timedelta(hours=1)


def key(name: str) -> ObjectKey:
    return ObjectKey("Incident", "shop", name)


class Worker:
    """Reconciles that a test looks into and holds up."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.active = self.most_active = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.answers: dict[str, Callable[[], Awaitable[timedelta | None]]] = {}
        self.changed = asyncio.Condition()

    async def reconcile(self, which: ObjectKey) -> timedelta | None:
        self.seen.append(which.name)
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        try:
            async with self.changed:
                self.changed.notify_all()
            await self.gate.wait()
            answer = self.answers.get(which.name)
            return await answer() if answer else None
        finally:
            self.active -= 1

    async def has_seen(self, *names: str) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: self.seen == list(names))


@pytest.fixture
async def worker() -> Worker:
    return Worker()


def queue_of(worker: Worker, metrics: Metrics, workers: int = 1) -> Queue:
    return Queue(worker.reconcile, metrics, asyncio.get_running_loop().time, workers)


async def idle(queue: Queue) -> None:
    async with asyncio.timeout(5):
        while queue.active or queue.depth:
            await asyncio.sleep(0)


async def test_a_key_that_is_added_twice_is_worked_at_once(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    queue.pause()
    for name in ("a", "b", "a"):
        queue.add(key(name))
    assert queue.depth == 2
    queue.resume()
    await idle(queue)
    assert worker.seen == ["a", "b"]


async def test_a_key_that_is_added_while_worked_at_is_worked_at_again_and_never_twice_at_once(
    worker: Worker, metrics: Metrics
):
    queue = queue_of(worker, metrics, workers=4)
    worker.gate.clear()
    queue.add(key("a"))
    await worker.has_seen("a")
    for _ in range(3):
        queue.add(key("a"))
    assert (queue.active, queue.depth) == (1, 0)
    worker.gate.set()
    await worker.has_seen("a", "a")
    await idle(queue)
    assert worker.most_active == 1


async def test_urgent_keys_go_first(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    queue.pause()
    queue.add(key("a"))
    queue.add(key("b"))
    queue.add(key("unpaged"), urgent=True)
    queue.add(key("b"), urgent=True)
    queue.resume()
    await worker.has_seen("unpaged", "b", "a")
    await idle(queue)


async def test_at_most_so_many_keys_are_worked_at_at_once(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics, workers=3)
    worker.gate.clear()
    for number in range(10):
        queue.add(key(str(number)))
    await worker.has_seen("0", "1", "2")
    assert (queue.active, queue.depth) == (3, 7)
    worker.gate.set()
    await idle(queue)
    assert (len(worker.seen), worker.most_active) == (10, 3)


async def test_a_reconcile_that_raises_is_tried_again_and_stops_no_other(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    outcomes = iter([ValueError("bad object"), ValueError("still bad"), None])

    async def bad() -> timedelta | None:
        if (error := next(outcomes)) is not None:
            raise error
        return None

    worker.answers["bad"] = bad
    queue.add(key("bad"))
    queue.add(key("good"))
    await worker.has_seen("bad", "good", "bad", "bad")
    await idle(queue)
    assert metrics.registry.get_sample_value(
        "watchbill_reconcile_errors_total", {"controller": "incident"}
    ) == pytest.approx(2)


async def test_what_a_reconcile_asks_for_replaces_what_was_planned(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)

    async def much_later() -> timedelta | None:
        return NEVER

    worker.answers["a"] = much_later
    queue.add_after(key("a"), timedelta(milliseconds=20))
    queue.add(key("a"))
    queue.add_after(key("b"), timedelta(milliseconds=40))
    await worker.has_seen("a", "b")
    await idle(queue)


async def test_a_reconcile_that_asks_for_it_is_called_again(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    answers = iter([timedelta(milliseconds=1), None])

    async def soon() -> timedelta | None:
        return next(answers)

    worker.answers["a"] = soon
    queue.add(key("a"))
    await worker.has_seen("a", "a")
    await idle(queue)


async def test_a_stop_lets_finish_what_is_under_way_and_takes_no_more(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    worker.gate.clear()
    queue.add(key("a"))
    queue.add(key("waits"))
    await worker.has_seen("a")
    stopping = asyncio.create_task(queue.stop(timedelta(seconds=5)))
    await asyncio.sleep(0)
    queue.add(key("late"))
    worker.gate.set()
    await stopping
    assert worker.seen == ["a"]
    assert (queue.active, queue.depth) == (0, 0)


async def test_a_stop_cancels_what_does_not_finish(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    worker.gate.clear()
    queue.add(key("stuck"))
    await worker.has_seen("stuck")
    await queue.stop(timedelta(milliseconds=1))
    assert (queue.active, worker.active) == (0, 0)


async def test_the_age_of_the_oldest_key_counts_from_a_resume(worker: Worker, metrics: Metrics):
    now = 100.0
    queue = Queue(worker.reconcile, metrics, lambda: now, workers=1)
    worker.gate.clear()
    queue.pause()
    queue.add(key("a"))
    queue.add(key("b"))
    now += 50
    assert queue.oldest_age == timedelta(0)
    queue.resume()
    now += 7
    assert queue.oldest_age == timedelta(seconds=7)
    await queue.stop(timedelta(0))


async def test_metrics_tell_of_depth_and_activity(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    worker.gate.clear()
    queue.add(key("a"))
    queue.add(key("b"))
    value = metrics.registry.get_sample_value
    assert (value("watchbill_queue_depth"), value("watchbill_active_workers")) == (1, 1)
    worker.gate.set()
    await idle(queue)
    assert value("watchbill_reconcile_total", {"controller": "incident", "result": "success"}) == 2


async def test_a_key_is_overdue_until_a_reconcile_has_brought_it_through(worker: Worker, metrics: Metrics):
    now = 0.0
    queue = Queue(worker.reconcile, metrics, lambda: now, workers=1)

    async def fails() -> None:
        raise RuntimeError("a bug")

    worker.answers["bad"] = fails
    minute = timedelta(minutes=1)
    queue.pause()
    for name in ("bad", "slow", "waits"):
        queue.add(key(name))
    now = 100.0
    assert queue.overdue(minute) == {}, "it is paused"
    worker.gate.clear()
    queue.resume()
    await worker.has_seen("bad")
    worker.gate.set()
    await worker.has_seen("bad", "slow", "waits")
    await idle(queue)
    now = 130.0
    queue.add(key("bad"))
    await idle(queue)
    now = 161.0
    assert queue.overdue(minute) == {key("bad"): timedelta(seconds=61)}
    del worker.answers["bad"]
    worker.gate.clear()
    for name in ("bad", "slow", "slow", "waits"):
        queue.add(key(name))
    now = 222.0
    assert queue.overdue(minute).keys() == {key("bad"), key("slow"), key("waits")}
    worker.gate.set()
    await idle(queue)
    assert queue.overdue(minute) == {}
    queue.add(key("again"))
    await queue.stop(timedelta(0))
    now = 300.0
    assert queue.overdue(minute) == {}


async def test_an_add_that_was_taken_back_brings_no_second_reconcile_and_others_do(
    worker: Worker, metrics: Metrics
):
    queue = queue_of(worker, metrics)
    for name, adds in (("echo", 1), ("echo and news", 2)):
        worker.gate.clear()
        worker.seen.clear()
        queue.add(key(name))
        await worker.has_seen(name)
        for _ in range(adds):
            queue.add(key(name))
        queue.take_back(key(name))
        worker.gate.set()
        await idle(queue)
        assert worker.seen == [name] * adds


async def test_taking_back_what_was_not_added_changes_nothing(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    queue.take_back(key("a"))
    queue.add(key("a"))
    await worker.has_seen("a")


async def test_while_the_work_at_one_key_waits_aside_another_is_worked_at(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    goes_on = asyncio.Event()

    async def wait_aside() -> None:
        with queue.aside():
            await goes_on.wait()

    worker.answers = {"a": wait_aside, "b": wait_aside}
    for name in "abc":
        queue.add(key(name))
    await worker.has_seen("a", "b", "c")
    assert (queue.depth, queue.active) == (0, 2)
    queue.add(key("a"))
    await asyncio.sleep(0)
    assert worker.seen == ["a", "b", "c"]
    goes_on.set()
    await worker.has_seen("a", "b", "c", "a")


async def test_only_so_many_wait_aside(worker: Worker, metrics: Metrics, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("watchbill.shell.queue.MOST_ASIDE", 1)
    queue = queue_of(worker, metrics)
    goes_on = asyncio.Event()

    async def wait_aside() -> None:
        with queue.aside():
            await goes_on.wait()

    worker.answers = dict.fromkeys("ab", wait_aside)
    for name in "abc":
        queue.add(key(name))
    await worker.has_seen("a", "b")
    assert queue.depth == 1
    goes_on.set()
    await worker.has_seen("a", "b", "c")


async def test_it_can_be_waited_for_until_no_key_waits(worker: Worker, metrics: Metrics):
    queue = queue_of(worker, metrics)
    worker.gate.clear()
    queue.add(key("a"))
    queue.add(key("b"))
    waiting = asyncio.create_task(queue.empty())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    worker.gate.set()
    async with asyncio.timeout(5):
        await waiting
