"""The operator as a whole, and whoever watches it from outside."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from tests.shell.fake_api import FakeApi
from tests.shell.running import LEASE, Running, Untold
from tests.shell.world import until
from watchbill.core.effects import ConnectionKey
from watchbill.shell import health, heartbeat, overdue, watch
from watchbill.shell.heartbeat import Facts, Silence
from watchbill.shell.lookout import Lookout
from watchbill.shell.watch import Watch

URL = "https://beats.example.com/ping/s3cret"


class Seen(Running):
    """An operator whose heartbeat is taken, and which is asked for it every 10 ms."""

    def __init__(self, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
        self.turns = 0
        facts = Lookout.facts

        def counted(lookout: Lookout) -> Facts:
            self.turns += 1
            return facts(lookout)

        monkeypatch.setattr(Lookout, "facts", counted)
        interval, after = timedelta(milliseconds=10), timedelta(milliseconds=200)
        super().__init__(
            api, monkeypatch, heartbeat_url=URL, heartbeat_interval=interval, overdue_after=after
        )

    @property
    def beats(self) -> int:
        return self.vendors.arrived.count(("beats", ""))

    def sample(self, name: str, **labels: str) -> float | None:
        return self.app.metrics.registry.get_sample_value(f"watchbill_{name}", labels)

    async def is_heard(self) -> None:
        """Return once a heartbeat arrives that was sent from now on."""
        before = self.beats
        await until(lambda: self.beats > before + 1)

    async def is_silent(self, reason: Silence) -> None:
        """Return once none is sent for this reason, and none was sent for a while after."""
        await until(lambda: self.sample("heartbeat_silent", reason=reason.value) == 1)
        turns = self.turns
        await until(lambda: self.turns > turns + 1)
        before = self.beats
        await until(lambda: self.turns > turns + 5)
        assert self.beats == before

    def events(self, reason: str) -> list[str]:
        events = [body for path, body in self.api.objects.items() if "/events/" in path]
        return [event["involvedObject"]["name"] for event in events if event["reason"] == reason]


@pytest.fixture
async def seen(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Seen]:
    running = Seen(api, monkeypatch)
    yield running
    await running.app.kube.close()
    await running.app.sender.aclose()


@pytest.mark.feature("F27")
async def test_an_overdue_page_shows_in_the_metric_an_event_and_the_silence_until_it_is_accepted(seen: Seen):
    seen.furnish(told=False)
    gate = seen.vendors.hang("backup")
    async with seen.running():
        await seen.is_heard()
        seen.declare()
        await seen.is_silent(Silence.OVERDUE)
        assert seen.sample("overdue_actions", action="page") == 1
        await until(lambda: set(seen.events("ActionOverdue")) == {"cart"})
        gate.set()
        await until(lambda: seen.hop == "Accepted")
        await seen.is_heard()
        assert seen.sample("overdue_actions", action="page") == 0
        assert seen.sample("heartbeat_silent", reason="Overdue") == 0
    assert "s3cret" not in str(seen.api.objects)


async def test_who_does_not_lead_sends_none_until_it_does(seen: Seen):
    seen.api.put(LEASE, spec={"holderIdentity": "another", "leaseDurationSeconds": 1})
    async with seen.running(ready=False):
        await seen.is_silent(Silence.NOT_LEADING)
        assert seen.beats == 0
        await seen.is_heard()
        assert seen.app.elector.is_leader()


def silence_the_server(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    seen.api.silent = True


def stop_kopf(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Untold, "watching", False)


def refuse_the_watch(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "silent_for", 61.0)


def refuse_lists(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    seen.app.syncer.problem = "Incident cannot be listed"


@pytest.mark.feature("F70")
@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        pytest.param(silence_the_server, Silence.API_SERVER_UNREACHABLE, id="the API server is silent"),
        pytest.param(stop_kopf, Silence.UNHEALTHY, id="kopf does not watch"),
        pytest.param(refuse_the_watch, Silence.WATCH_STALE, id="the watch is not answered"),
        pytest.param(refuse_lists, Silence.UNHEALTHY, id="a kind cannot be listed"),
    ],
)
async def test_it_is_silent_as_soon_as_something_is_wrong(
    seen: Seen,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Seen, pytest.MonkeyPatch], None],
    reason: Silence,
):
    async with seen.running():
        await seen.is_heard()
        harm(seen, monkeypatch)
        await seen.is_silent(reason)


async def test_an_incident_without_a_policy_is_told_outside_although_it_is_paged(
    api: FakeApi, seen: Seen, monkeypatch: pytest.MonkeyPatch
):
    seen.app.incidents._parts.observer.last_resort = ConnectionKey("shop", "backup")
    seen.put("Connection", "backup", {"webhook": {"url": "https://backup.example.com/hook"}}, told=False)
    seen.declare(told=False)
    async with seen.running():
        await until(lambda: seen.hop == "Accepted")
        await seen.is_silent(Silence.LAST_RESORT)
        assert seen.sample("last_resort_incidents") == 1
        assert seen.sample("overdue_actions", action="page") == 0


@pytest.mark.feature("F70")
def test_nothing_goes_unnoticed_for_longer_than_a_minute():
    limits = (
        health.LATEST_TICK,
        health.OLDEST_KEY.total_seconds(),
        overdue.OVERDUE.total_seconds(),
        heartbeat.SILENT_WATCH,
        watch.SILENCE,
    )
    assert max(limits) <= 60
