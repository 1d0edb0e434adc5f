"""Within a minute of anything that keeps pages from getting through there is silence outside.

A whole operator with the times that it comes with, in virtual time, and what is done to it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.stage import Stage
from tests.faults.virtual_time import played
from tests.faults.watch import LocalWatch
from tests.support.builders import target
from watchbill.core.effects import ConnectionKey
from watchbill.shell.app import App
from watchbill.shell.cache import ObjectKey
from watchbill.shell.heartbeat import Silence
from watchbill.shell.paths import lease_path
from watchbill.shell.watch import Watch

INTERVAL, LIMIT = 30.0, 60.0
"""Seconds between two heartbeats, and without one once something is wrong."""

HARMED = 180.0
"""Seconds for which something is wrong."""

BACK = 330.0
"""Seconds until it is heard again at the latest: a test page that failed is tried again after 5 minutes."""

SEVERAL = 40
"""More incidents than there are workers."""

PERIOD = timedelta(minutes=5)
"""How often there is a test page, where there is one."""

Mend = Callable[[], object]


@dataclass
class Watched:
    """An operator that somebody listens to."""

    stage: Stage

    @property
    def app(self) -> App:
        return self.stage.operators[0].apps[-1]

    @property
    def silent_for(self) -> list[Silence]:
        """The reasons that it shows for its silence."""
        value = self.app.metrics.registry.get_sample_value
        return [each for each in Silence if value("watchbill_heartbeat_silent", {"reason": each.value})]

    def beats(self, since: float, until: float = float("inf")) -> list[float]:
        """When heartbeats left, between these two times."""
        return [time for time in self.stage.vendors.beats if since < time <= until]

    def declare(self, count: int = 1) -> None:
        spec = {"title": "Checkout returns 500", "severity": "SEV-1", "setBy": {"declaration": "ana"}}
        for number in range(count):
            self.stage.put("Incident", f"cart-{number}", {"spec": spec})


def nothing(watched: Watched) -> Mend:
    return lambda: None


def stall(watched: Watched, count: int) -> Mend:
    """The work at so many incidents does not come to its end."""
    released, reconcile = asyncio.Event(), watched.app.incidents.reconcile

    async def stalled(key: ObjectKey) -> timedelta | None:
        await released.wait()
        return await reconcile(key)

    watched.app.incidents.reconcile = stalled  # type: ignore[method-assign]  # what is tried
    watched.declare(count)
    return released.set


def stall_one(watched: Watched) -> Mend:
    return stall(watched, 1)


def stall_every_worker(watched: Watched) -> Mend:
    return stall(watched, SEVERAL)


def block_the_loop(watched: Watched) -> Mend:
    watched.stage.operators[0].freeze(HARMED)
    return lambda: None


def take_the_server_away(watched: Watched) -> Mend:
    watched.stage.go_down(HARMED)
    return lambda: None


def answer_no_watch(watched: Watched) -> Mend:
    watch = watched.app.watch
    watch._last_answer = watched.stage.now
    was = LocalWatch.silent_for
    LocalWatch.silent_for = Watch.silent_for  # type: ignore[method-assign]  # kopf's own, which is none here

    def mend() -> None:
        LocalWatch.silent_for = was  # type: ignore[method-assign]  # as it was

    return mend


def have_another_lead(watched: Watched) -> Mend:
    taken = {"holderIdentity": "another", "leaseDurationSeconds": int(HARMED)}
    watched.stage.server.ask("PATCH", lease_path("watchbill", "watchbill"), {"spec": taken})
    return lambda: None


def refuse_every_page(watched: Watched) -> Mend:
    watched.stage.vendors.refusing |= {"pagerduty", "webhook"}
    watched.declare()
    return watched.stage.vendors.refusing.clear


def refuse_the_test_page(watched: Watched) -> Mend:
    watched.stage.vendors.refusing.add("pagerduty")
    return watched.stage.vendors.refusing.clear


@pytest.mark.feature("F70")
@pytest.mark.parametrize(
    ("harm", "reasons"),
    [
        pytest.param(nothing, [], id="nothing is wrong"),
        pytest.param(stall_one, [Silence.OVERDUE], id="a reconcile does not return"),
        pytest.param(
            stall_every_worker, [Silence.UNHEALTHY, Silence.OVERDUE], id="every worker of the loop is stalled"
        ),
        pytest.param(block_the_loop, [], id="the event loop is blocked"),
        pytest.param(
            take_the_server_away,
            [Silence.NOT_LEADING, Silence.API_SERVER_UNREACHABLE, Silence.UNHEALTHY],
            id="the API server is gone",
        ),
        pytest.param(answer_no_watch, [Silence.WATCH_STALE], id="the watch is not answered"),
        pytest.param(have_another_lead, [Silence.NOT_LEADING], id="another leads"),
        pytest.param(refuse_every_page, [Silence.OVERDUE], id="a page is overdue"),
        pytest.param(refuse_the_test_page, [Silence.TEST_PAGE], id="the test page does not get through"),
    ],
)
def test_the_heartbeat_stops_within_a_minute_and_comes_back(
    harm: Callable[[Watched], Mend], reasons: list[Silence]
):
    played(lambda: listened(harm, reasons))


async def listened(harm: Callable[[Watched], Mend], reasons: list[Silence]) -> None:
    options: dict[str, Any] = {"heartbeat_url": "http://beats.example.com/ping"}
    if harm is refuse_the_test_page:
        options |= {"test_page_connection": ConnectionKey("shop", "pagerduty"), "test_page_every": PERIOD}
    stage = Stage(options=options)
    watched = Watched(stage)
    stage.furnish(("first", "1h", [target("pagerduty"), target("backup")]))
    await stage.open()
    # A test page is due just when this is over.
    await asyncio.sleep(PERIOD.total_seconds() - stage.wall().timestamp() % PERIOD.total_seconds())
    begun = stage.now
    assert len(watched.beats(begun - 3 * INTERVAL)) == 3, "it is heard while all is well"
    mend = harm(watched)
    await asyncio.sleep(HARMED)
    late = watched.beats(begun + LIMIT)
    assert len(late) == ((HARMED - LIMIT) // INTERVAL if harm is nothing else 0)
    assert watched.silent_for == reasons
    mend()
    mended = stage.now
    await stage.wait("a heartbeat", lambda: watched.beats(mended, mended + BACK))
    await stage.close()
