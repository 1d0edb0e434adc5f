"""One incident is brought up to date: what is asked, what is written, what stays in memory."""

from datetime import timedelta

import pytest

from tests.shell.fake_api import Fault
from tests.shell.world import (
    BY_PAGERDUTY,
    CART,
    OVER,
    TAKEN,
    TWO_BY_PAGERDUTY,
    World,
    accepts,
    answers,
    declared,
    until,
)
from tests.support.builders import target
from watchbill.api.incident_status import EscalationStatus, IncidentStatus
from watchbill.core.resting import may_rest
from watchbill.shell.incidents import WRITE_AGAIN
from watchbill.shell.paths import path_of

LABELS = {"namespace": "shop", "severity": "SEV-1", "phase": "Acknowledged"}


async def taken(world: World) -> World:
    """An incident that was paged for and acknowledged; it rests."""
    await declared(world, BY_PAGERDUTY)
    world.people_say(**TAKEN)
    await world.run()
    world.api.requests.clear()
    return world


def rests(world: World) -> bool:
    return world.cache.knows(*CART) and world.cache.get(*CART) is None


async def test_a_life_costs_three_writes_and_no_read(world):
    await taken(world)
    world.people_say(**OVER)
    await world.run()
    assert world.stored.phase == "Resolved"
    assert (world.writes, world.requests("GET")) == (1, 0)
    assert [action for _, action in world.vendors.arrived] == ["trigger", "acknowledge", "resolve"]


async def test_nothing_is_written_and_nothing_told_where_nothing_changed(world):
    await declared(world, BY_PAGERDUTY)
    writes, events = world.writes, list(world.events)
    again = await world.run()
    assert (world.writes, world.events) == (writes, events)
    assert timedelta(minutes=4) < again <= timedelta(minutes=5)


async def test_an_incident_that_is_taken_rests_and_one_that_pages_does_not(world):
    await declared(world, BY_PAGERDUTY)
    assert not rests(world)
    world.people_say(**TAKEN)
    await world.run()
    assert rests(world)
    world.tell(type_=None)
    assert rests(world), "an echo of our own write brings it back"


async def test_a_late_outcome_lets_it_rest_once_it_is_written(world, monkeypatch):
    monkeypatch.setattr("watchbill.shell.incidents.RECORD_WAIT", 0.05)
    await declared(world, BY_PAGERDUTY)
    gate = world.vendors.hang("events")
    world.people_say(**TAKEN)
    await world.look()
    assert not rests(world)
    gate.set()
    await world.run()
    assert rests(world)
    assert world.stored.pages[0].hops[0].closing.state == "Done"


async def test_an_incident_that_rests_is_read_when_a_deadline_or_an_update_needs_it(world):
    await taken(world)
    await world.run()
    assert (world.requests("GET"), world.writes) == (1, 0)
    assert rests(world)


async def test_an_event_brings_an_incident_that_rests_back_without_a_read(world):
    await taken(world)
    world.people_say(title="Checkout returns 502")
    await world.run()
    assert world.requests("GET") == 0
    assert rests(world)


async def test_the_deletion_of_an_incident_that_rests_resolves_its_pages(world):
    await taken(world)
    world.delete()
    await until(lambda: world.vendors.keys("resolve") == world.vendors.keys("trigger"))
    assert world.requests("GET") == 0


async def test_the_unseen_deletion_of_an_incident_that_rests_is_told(world, capsys):
    await taken(world)
    version = world.cache.version(CART)
    metadata = {"name": "cart", "namespace": "shop", "uid": version.uid}
    del world.api.objects[path_of(*CART)]
    remains = {"metadata": metadata | {"resourceVersion": str(version.resource_version)}}
    world.inbox.deliver("Incident", "DELETED", remains)
    assert "by hand" in capsys.readouterr().out
    assert world.metrics.registry.get_sample_value("watchbill_incidents", LABELS) in (None, 0)


async def test_while_the_server_is_silent_an_incident_that_rests_keeps_its_deadline(world):
    await taken(world)
    await world.lose_the_server()
    assert await world.look() == timedelta(seconds=2)
    assert world.cache.knows(*CART)


async def test_an_incident_that_is_taken_does_not_rest_while_a_vendor_is_not_told(world):
    await declared(world, BY_PAGERDUTY)
    world.vendors.answer["events"] = answers(503)
    world.people_say(**TAKEN)
    await world.run()
    assert not rests(world)
    world.vendors.answer["events"] = accepts
    world.pass_time(2)
    await world.run()
    assert rests(world)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (IncidentStatus(), False),
        (IncidentStatus(phase="Pending"), False),
        (IncidentStatus(phase="Acknowledged"), False),
        (IncidentStatus(phase="Closed"), True),
        (IncidentStatus(phase="Resolved", escalation=EscalationStatus(state="Stopped")), True),
        (IncidentStatus(phase="Resolved", escalation=EscalationStatus(state="Waiting")), False),
    ],
    ids=["no status", "pending", "taken before it was planned", "closed", "resolved", "still escalating"],
)
def test_it_may_rest(status, expected):
    assert may_rest(status) is expected


async def test_a_send_that_is_dropped_leads_to_one_new_look_and_not_to_a_loop(world):
    """A change that the fresh read finds is decided on at once, with the first read as the only one."""
    await declared(world, *TWO_BY_PAGERDUTY)
    world.pass_time(301)
    world.people_say(told=False, **TAKEN)
    world.api.requests.clear()
    await world.look()
    assert world.requests("GET") == 2, "one before the page, and one to begin anew"
    assert world.stored.phase == "Acknowledged"


async def test_changes_that_never_end_do_not_keep_a_worker(world):
    await declared(world, BY_PAGERDUTY)

    async def before(request):
        if request.method == "PATCH":
            world.people_say(title=f"title {world.api.version}")

    world.api.before = before
    world.people_say(**TAKEN)
    assert await world.look() == timedelta(seconds=2)
    assert world.requests("PATCH", "status") == 1 + 5


async def test_the_outcome_for_an_incident_that_is_gone_is_not_taken_for_its_successors(world):
    await declared(world, BY_PAGERDUTY)
    gate = world.vendors.hang("events")
    world.delete()
    await until(lambda: len(world.vendors.arrived) == 2)
    world.lags = True
    world.declare()
    world.lags = False
    world.tell(type_="ADDED")
    gate.set()
    await world.run()
    assert len(world.stored.pages) == 1
    uid = world.raw["metadata"]["uid"]
    assert {hop.key.partition("/")[0] for page in world.stored.pages for hop in page.hops} == {uid}


async def test_a_drill_that_is_deleted_tells_nobody(world):
    world.furnish(BY_PAGERDUTY)
    world.declare(mode="Drill")
    await world.run()
    world.delete()
    await world.performer.drain(1)
    assert world.vendors.arrived == []


async def test_who_lost_the_lease_records_what_it_did_and_decides_nothing(world, monkeypatch):
    monkeypatch.setattr("watchbill.shell.incidents.RECORD_WAIT", 0.05)
    world.furnish(BY_PAGERDUTY)
    world.declare()
    gate = world.vendors.hang("events")
    await world.look()
    world.leads = False
    gate.set()
    await world.performer.drain(5)
    world.people_say(**TAKEN)
    assert await world.run() is None
    assert (world.hops, world.stored.phase) == (["Accepted"], "Triggered")
    assert world.unwritten.in_hand() == []


async def test_what_is_in_hand_when_all_ends_is_written(world, monkeypatch):
    monkeypatch.setattr("watchbill.shell.incidents.RECORD_WAIT", 0.05)
    world.furnish(BY_PAGERDUTY)
    world.declare()
    gate = world.vendors.hang("events")
    await world.look()
    gate.set()
    await world.performer.drain(5)
    await world.keeper.record_rest()
    assert world.hops == ["Accepted"]


async def test_without_a_record_levels_still_open_on_time(world):
    """A server that answers and refuses every write must not hold the escalation where it was."""
    world.furnish(("first", "1m", [target("pagerduty")]), ("second", "5m", [target("pagerduty")]))
    world.declare()
    world.api.faults.append(Fault(403, method="PATCH", times=50))
    for _ in range(4):
        await world.run()
        world.pass_time(20)
    await world.run()
    assert world.vendors.arrived == [("events", "trigger")] * 2
    assert len(set(world.vendors.keys("trigger"))) == 2


async def test_an_incident_that_cannot_be_read_is_let_be_and_may_be_deleted(world, capsys):
    world.furnish(BY_PAGERDUTY)
    world.declare(title={"not": "a text"})
    assert await world.look() is None
    world.delete()
    assert "cannot be read" in capsys.readouterr().out


async def test_an_incident_that_is_being_deleted_is_let_be(world):
    world.furnish(BY_PAGERDUTY)
    world.put(
        "Incident", "cart", {"title": "a", "severity": "SEV-1"}, deletionTimestamp="2026-03-09T03:00:00Z"
    )
    assert await world.look() is None
    assert world.vendors.arrived == []


async def test_an_incident_that_is_gone_at_the_write_needs_nothing_once_the_watch_has_told(world):
    world.furnish(BY_PAGERDUTY)
    world.declare()

    async def before(request):
        if request.method == "PATCH":
            world.api.objects.pop(path_of(*CART), None)

    world.api.before = before
    assert await world.look() == WRITE_AGAIN
    world.inbox.deliver("Incident", "DELETED", {**world.cache.get(*CART)})
    await until(lambda: len(world.vendors.keys("resolve")) == 1)
    assert await world.look() is None


async def test_a_server_that_does_not_find_its_objects_yet_is_asked_again(world):
    await declared(world, BY_PAGERDUTY)
    world.people_say(told=False, **TAKEN)
    world.api.faults.append(Fault(404, method="PATCH", path="incidents/cart"))
    world.tell()
    assert await world.look() == WRITE_AGAIN
    await world.run()
    assert world.stored.phase == "Acknowledged"


async def test_an_outcome_that_a_reconcile_waits_for_wakes_nobody_else(world: World):
    world.furnish()
    world.declare()
    world.queued.clear()
    await world.look()
    assert (world.hops, world.queued) == (["Accepted", "Pending"], [])


async def test_an_outcome_that_no_reconcile_waits_for_has_the_incident_looked_at(world: World):
    world.furnish()
    world.declare()
    gate = world.vendors.hang("events")
    await world.look()
    world.queued.clear()
    gate.set()
    await world.performer.drain(5)
    assert world.queued == [CART]
