"""Two processes, one lease, and time that passes by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import pytest

from tests.shell.fake_api import FakeApi, Fault, connected
from tests.shell.fake_time import FakeTime
from watchbill.shell.clock import Clock
from watchbill.shell.kube import Kube, Unreachable
from watchbill.shell.leader import Elector, LeaseName
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import lease_path

PATH = lease_path("watchbill", "watchbill")


class Replica:
    def __init__(self, elector: Elector, clock: Clock) -> None:
        self.elector = elector
        self.clock = clock
        self.turns: list[str] = []
        elector.on_gain = lambda: self.turns.append("gain")
        elector.on_loss = lambda: self.turns.append("loss")

    async def attempt(self) -> bool:
        await self.elector.attempt()
        return self.elector.is_leader()


class Contest:
    def __init__(self, api: FakeApi, time: FakeTime, stack: AsyncExitStack) -> None:
        self._api, self._time, self._stack = api, time, stack

    async def replica(self, identity: str, metrics: Metrics | None = None) -> Replica:
        clock = self._time.clock()
        kube = await self._stack.enter_async_context(connected(self._api, clock))
        name = LeaseName("watchbill", "watchbill", identity)
        return Replica(Elector(kube, clock, metrics or Metrics(), name), clock)


@pytest.fixture
async def contest(api: FakeApi, time: FakeTime) -> AsyncIterator[Contest]:
    async with AsyncExitStack() as stack:
        yield Contest(api, time, stack)


def spec(api: FakeApi) -> dict[str, Any]:
    found: dict[str, Any] = api.objects[PATH]["spec"]
    return found


def partitioned(replica: Replica) -> datetime | None:
    return replica.elector.lost_unreachable_since


async def test_the_first_takes_the_lease_and_the_second_does_not(contest: Contest, api: FakeApi):
    metrics = Metrics()
    first, second = await contest.replica("first", metrics), await contest.replica("second")
    assert await first.attempt()
    assert not await second.attempt()
    assert (first.turns, second.turns) == (["gain"], [])
    assert second.elector.holder == "first"
    assert spec(api)["leaseDurationSeconds"] == 10
    assert metrics.registry.get_sample_value("watchbill_leader", {"name": "watchbill"}) == 1


async def test_a_renewal_counts_for_seven_seconds_whether_the_loop_runs_or_not(
    contest: Contest, time: FakeTime
):
    first = await contest.replica("first")
    await first.attempt()
    time.advance(6.9)
    assert first.elector.is_leader()
    assert first.elector.valid_for() == pytest.approx(0.1)
    time.advance(0.2)
    assert not first.elector.is_leader()
    assert first.elector.valid_for() == 0


async def test_a_leader_renews_with_one_request(contest: Contest, api: FakeApi, time: FakeTime):
    first = await contest.replica("first")
    await first.attempt()
    for _ in range(5):
        api.requests.clear()
        time.advance(2)
        assert await first.attempt()
        assert api.requests == [("PUT", PATH)]
    assert first.turns == ["gain"]
    assert spec(api)["leaseTransitions"] == 0


async def test_a_dead_leader_is_followed_ten_seconds_after_it_was_last_seen_to_renew(
    contest: Contest, api: FakeApi, time: FakeTime
):
    first, second = await contest.replica("first"), await contest.replica("second")
    await first.attempt()
    await second.attempt()
    time.advance(9.9)
    assert not await second.attempt()
    time.advance(0.1)
    assert await second.attempt()
    assert spec(api)["leaseTransitions"] == 1
    assert not await first.attempt()
    assert first.turns == ["gain", "loss"]


async def test_the_time_in_the_lease_is_not_believed(contest: Contest, api: FakeApi, time: FakeTime):
    await (await contest.replica("first")).attempt()
    spec(api)["renewTime"] = "1999-01-01T00:00:00.000000Z"
    assert not await (await contest.replica("second")).attempt()


async def test_of_two_that_take_at_once_one_wins(contest: Contest, api: FakeApi):
    first, second = await contest.replica("first"), await contest.replica("second")
    results = await asyncio.gather(first.attempt(), second.attempt())
    assert sorted(results) == [False, True]


async def test_the_same_identity_takes_over_at_once(contest: Contest, time: FakeTime):
    await (await contest.replica("pod")).attempt()
    time.advance(1)
    assert await (await contest.replica("pod")).attempt()


async def test_a_stop_lets_another_take_the_lease_at_once(contest: Contest, api: FakeApi):
    first, second = await contest.replica("first"), await contest.replica("second")
    first.elector.start()
    async with asyncio.timeout(5):
        while not first.elector.is_leader():
            await asyncio.sleep(0)
    running = first.elector.running
    await first.elector.stop()
    assert (running, first.elector.running) == (True, False)
    assert (first.turns, spec(api)["holderIdentity"]) == (["gain", "loss"], "")
    assert await second.attempt()


async def test_a_stop_leaves_anothers_lease_alone(contest: Contest, api: FakeApi):
    first, second = await contest.replica("first"), await contest.replica("second")
    await first.attempt()
    await second.elector.stop()
    assert spec(api)["holderIdentity"] == "first"


async def test_who_waits_to_lead_hears_of_it_and_of_a_renewal_after_the_lease_ran_out(
    contest: Contest, time: FakeTime
):
    first = await contest.replica("first")
    waiting = asyncio.create_task(first.elector.gain())
    await first.attempt()
    await waiting
    time.advance(8)
    waiting = asyncio.create_task(first.elector.gain())
    await asyncio.sleep(0)
    assert not waiting.done()
    await first.attempt()
    await waiting


async def test_a_leader_that_cannot_reach_the_server_says_since_when(
    contest: Contest, api: FakeApi, time: FakeTime
):
    first = await contest.replica("first")
    await first.attempt()
    api.silent = True
    time.advance(2)
    began = first.clock.now()
    assert await first.attempt()
    assert partitioned(first) is None
    time.advance(5)
    # It says so before the elector's next try has noticed.
    assert partitioned(first) == began
    assert not await first.attempt()
    assert partitioned(first) == began
    assert first.turns == ["gain", "loss"]
    api.silent = False
    assert await first.attempt()
    assert partitioned(first) is None
    assert first.turns == ["gain", "loss", "gain"]


async def test_a_leader_that_comes_back_to_anothers_lease_is_not_partitioned_any_more(
    contest: Contest, api: FakeApi, time: FakeTime
):
    first, second = await contest.replica("first"), await contest.replica("second")
    await first.attempt()
    await second.attempt()
    api.silent = True
    time.advance(5)
    await first.attempt()
    time.advance(6)
    await first.attempt()
    assert partitioned(first) is not None
    api.silent = False
    assert await second.attempt()
    assert not await first.attempt()
    assert partitioned(first) is None


async def test_a_blocked_loop_is_no_partition(contest: Contest, time: FakeTime):
    first = await contest.replica("first")
    await first.attempt()
    time.advance(60)
    await first.attempt()
    assert first.turns == ["gain", "loss", "gain"]
    assert partitioned(first) is None


async def test_a_process_that_stood_still_with_a_renewal_on_its_way_is_no_partition(
    contest: Contest, time: FakeTime, monkeypatch: pytest.MonkeyPatch
):
    async def frozen(*_: object, **__: object) -> dict[str, Any]:
        time.advance(15)
        raise Unreachable(0, "", "it did not answer in time")

    first = await contest.replica("first")
    await first.attempt()
    with monkeypatch.context() as patched:
        patched.setattr(Kube, "put", frozen)
        assert not await first.attempt()
    assert first.turns == ["gain", "loss"]
    assert partitioned(first) is None


async def test_a_refusal_is_no_partition_but_ends_leadership(contest: Contest, api: FakeApi, time: FakeTime):
    first = await contest.replica("first")
    await first.attempt()
    time.advance(6)
    api.faults.append(Fault(403))
    assert await first.attempt()
    time.advance(2)
    api.faults.append(Fault(403))
    assert not await first.attempt()
    assert partitioned(first) is None


async def test_a_candidate_with_a_wrong_clock_lets_others_go_first_but_is_not_silent_for_ever(
    contest: Contest, api: FakeApi, time: FakeTime
):
    api.date = "Fri, 01 Jan 2100 00:00:00 GMT"
    lone = await contest.replica("lone")
    lone.clock.observe_server_date(api.date)
    assert not await lone.attempt()
    time.advance(9)
    assert not await lone.attempt()
    time.advance(1)
    assert await lone.attempt()
    time.advance(2)
    assert await lone.attempt()


async def test_somebody_elses_write_to_the_lease_costs_one_try_only(
    contest: Contest, api: FakeApi, time: FakeTime
):
    first = await contest.replica("first")
    await first.attempt()
    api.objects[PATH]["metadata"]["resourceVersion"] = "9999"
    time.advance(2)
    assert await first.attempt()
    time.advance(2)
    assert await first.attempt()
    assert first.elector.valid_for() == pytest.approx(7)


async def test_what_a_leader_notes_is_there_for_whoever_leads_next(
    contest: Contest, api: FakeApi, time: FakeTime
):
    first, second = await contest.replica("first"), await contest.replica("second")
    await first.attempt()
    assert first.elector.noted("a") == ""
    first.elector.note("a", "one")
    assert first.elector.noted("a") == "one"
    time.advance(2)
    await first.attempt()
    assert api.objects[PATH]["metadata"]["annotations"] == {"a": "one"}
    first.elector.note("a", "two")
    await first.elector.stop()
    await second.attempt()
    time.advance(1)
    assert await second.attempt()
    assert second.elector.noted("a") == "two", "what was noted last was written with the release"


async def test_what_was_noted_and_not_written_is_forgotten_with_the_lease(
    contest: Contest, api: FakeApi, time: FakeTime
):
    first, second = await contest.replica("first"), await contest.replica("second")
    await first.attempt()
    await second.attempt()
    first.elector.note("a", "old")
    time.advance(11)
    assert await second.attempt()
    second.elector.note("a", "new")
    time.advance(2)
    await second.attempt()
    await first.attempt()
    time.advance(12)
    await first.attempt()
    assert await first.attempt()
    assert api.objects[PATH]["metadata"]["annotations"] == {"a": "new"}
    assert first.elector.noted("a") == "new"
