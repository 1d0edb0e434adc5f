"""Effects become outcomes: never two at once on one way, never one that nobody wants, always an outcome."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.providers.pages import acknowledge, incident, page, resolve
from tests.shell.fake_api import Fault
from tests.shell.world import CART, World, answers, until
from watchbill.core.effects import PageEffect, SendPage
from watchbill.core.outcomes import Result
from watchbill.shell.kube import Kube
from watchbill.shell.order import Order
from watchbill.shell.paths import path_of

UID = "1"
KEY = page().hops[0].key


def trigger(connection: str = "pagerduty", key: str = KEY, first: bool = True) -> SendPage:
    return SendPage(incident(uid=UID), page(key, connection=connection), 0, first_of_epoch=first)


def order(effect: PageEffect | None = None, generation: int = 1) -> Order:
    return Order(CART, effect or trigger(), generation)


@pytest.fixture
def ready(world: World) -> World:
    """Connections, and an incident of which nothing but its existence matters."""
    world.furnish()
    world.put("Incident", "cart", {}, uid=UID)
    world.queued.clear()
    return world


def sample(world: World, name: str, **labels: str) -> float | None:
    return world.metrics.registry.get_sample_value(f"watchbill_{name}", labels)


async def test_an_outcome_says_when_by_which_credential_and_what_the_vendor_said(ready: World):
    ready.vendors.answer["events"] = answers(202, status="success", dedup_key="theirs")
    outcome = await ready.performer.start(order())
    assert outcome is not None
    assert (outcome.result, outcome.external_id, len(outcome.credential)) == (Result.OK, "theirs", 8)
    assert outcome.time <= ready.clock.now()
    assert ready.unwritten.outcomes(CART) == [outcome]
    assert ready.queued == [CART]


async def test_the_outcome_is_there_before_the_incident_is_looked_at_and_nothing_is_in_flight(ready: World):
    seen = []
    ready.performer._on_outcome = lambda key, outcome: seen.append(ready.performer.in_flight(UID))
    task = ready.performer.start(order())
    assert ready.performer.in_flight(UID) == {(KEY, "trigger")}
    await task
    assert seen == [frozenset()]


async def test_a_send_that_begins_as_its_predecessor_ends_is_in_flight(ready: World):
    """The next look may run between an outcome and the end of its task."""
    second: list[asyncio.Task[object]] = []
    gate = ready.vendors.hang("backup")

    async def look() -> None:
        second.append(ready.performer.start(order(trigger("backup"))))

    looks = []
    ready.performer._on_outcome = lambda key, outcome: looks.append(asyncio.create_task(look()))
    await ready.performer.start(order())
    await until(lambda: len(ready.vendors.arrived) == 2)
    assert ready.performer.in_flight(UID) == {(KEY, "trigger")}
    ready.performer._on_outcome = lambda key, outcome: None
    gate.set()
    await asyncio.gather(*second, *looks)
    assert ready.performer.in_flight(UID) == frozenset()


async def test_nothing_is_left_behind(ready: World):
    await ready.performer.start(order())
    assert (ready.performer._locks, ready.performer._flying, ready.performer._tasks) == ({}, {}, set())


@pytest.mark.parametrize("effect", [acknowledge(incident(uid=UID)), resolve(incident(uid=UID))])
async def test_what_closes_a_page_is_sent_whatever_people_changed_since(ready: World, effect: PageEffect):
    ready.vendors.answer["events"] = answers(202)
    closing = type(effect)(incident(uid=UID), page(connection="pagerduty"), 0)
    outcome = await ready.performer.start(order(closing, generation=77))
    assert outcome is not None
    assert outcome.result == Result.OK


@pytest.mark.parametrize(
    ("effect", "generation"),
    [
        (trigger(), 2),
        (trigger(first=False), 2),
        (SendPage(incident(uid="of another"), page(connection="pagerduty"), 0, first_of_epoch=True), 1),
        (SendPage(incident(uid="of another"), page(connection="pagerduty"), 0), 1),
    ],
    ids=["first, changed", "later, changed", "first, another incident", "later, another incident"],
)
async def test_a_page_for_what_is_not_there_any_more_is_not_sent(
    ready: World, effect: SendPage, generation: int
):
    assert await ready.performer.start(order(effect, generation)) is None
    assert ready.vendors.arrived == []
    assert ready.queued == [CART], "the incident is looked at again"


async def test_a_page_for_an_incident_that_the_fresh_read_does_not_find_is_not_sent(ready: World):
    del ready.api.objects[path_of(*CART)]
    assert await ready.performer.start(order(trigger(first=False))) is None
    assert ready.vendors.arrived == []


async def test_a_page_goes_out_while_its_incident_rests(ready: World):
    ready.cache.rest(*CART)
    outcome = await ready.performer.start(order())
    assert outcome is not None
    assert outcome.result == Result.OK


async def test_a_connection_that_is_not_there_fails_for_good(ready: World):
    outcome = await ready.performer.start(order(trigger("nowhere")))
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (Result.PERMANENT, "RefNotFound")
    assert ready.requests("GET", "connections/nowhere") == 1


async def test_a_connection_that_cannot_be_asked_for_is_tried_again(ready: World):
    ready.api.faults.append(Fault(503, path="connections/nowhere"))
    outcome = await ready.performer.start(order(trigger("nowhere")))
    assert outcome is not None
    assert outcome.result == Result.RETRY


async def test_a_secret_that_is_not_there_says_what_to_do(ready: World):
    del ready.api.objects["/api/v1/namespaces/shop/secrets/pagerduty"]
    outcome = await ready.performer.start(order())
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (Result.AUTH, "SecretNotFound")
    assert "kubectl -n shop create secret" in outcome.message


async def test_a_secret_that_cannot_be_asked_for_is_tried_again(ready: World):
    ready.api.faults.append(Fault(503, path="secrets/pagerduty"))
    outcome = await ready.performer.start(order())
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (Result.RETRY, "SecretUnread")


async def test_a_fault_of_ours_is_an_unknown_outcome(ready: World, monkeypatch: pytest.MonkeyPatch):
    def broken(self: Kube, *args: object, **options: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(type(ready.secrets), "read", broken)
    outcome = await ready.performer.start(order())
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, "InternalError")


async def test_a_page_that_is_only_written_down_is_told_as_an_event(ready: World):
    ready.put("Connection", "console", {"console": {}})
    effect = SendPage(
        incident(uid=UID),
        page(connection="console").model_copy(
            update={"hops": (page(connection="console").hops[0].model_copy(update={"unreal": True}),)}
        ),
        0,
        first_of_epoch=True,
    )
    await ready.performer.start(order(effect))
    assert ready.console == [effect]


async def test_a_page_that_left_after_the_server_went_silent_says_since_when(ready: World):
    await ready.lose_the_server()
    since = ready.kube.unreachable_since
    await ready.performer.start(order(trigger("backup")))
    assert since is not None
    assert f"since {since.strftime('%H:%M')}" in str(ready.vendors.bodies)


async def test_a_drain_waits_for_what_is_in_flight_and_no_longer_than_it_may(ready: World):
    gate = ready.vendors.hang("events")
    task = ready.performer.start(order())
    await ready.performer.drain(0.01)
    assert not task.done()
    asyncio.get_running_loop().call_later(0.01, gate.set)
    await ready.performer.drain(5)
    assert task.done()


async def test_attempts_are_counted_by_vendor_and_reason(ready: World):
    ready.vendors.answer["events"] = answers(503)
    await ready.performer.start(order())
    ready.vendors.answer["events"] = answers(202)
    await ready.performer.start(order())
    assert sample(ready, "notifications_total", integration="pagerDuty") == 2
    assert sample(ready, "notifications_failed_total", integration="pagerDuty", reason="HTTP503") == 1
    assert sample(ready, "notification_latency_seconds_count", integration="pagerDuty") == 2
    delays = "escalation_step_delay_seconds_count"
    assert sample(ready, delays, integration="pagerDuty", hop="first") == 1


@pytest.mark.feature("F27.core")
async def test_every_attempt_is_in_the_log_with_target_result_and_the_vendors_name_for_it(ready: World):
    with capture_logs() as lines:
        ready.vendors.answer["events"] = answers(503)
        await ready.performer.start(order())
        ready.vendors.answer["events"] = answers(202, status="success", dedup_key="theirs")
        await ready.performer.start(order())
    attempts = [line for line in lines if line["event"] == "attempted"]
    assert [(line["result"], line["reason"], line["externalID"]) for line in attempts] == [
        ("retry", "HTTP503", ""),
        ("ok", "", "theirs"),
    ]
    assert {(line["connection"], line["key"], line["action"]) for line in attempts} == {
        ("shop/pagerduty", KEY, "trigger")
    }
