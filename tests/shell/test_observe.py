"""What a decision gets to know, and that an absence is confirmed before it counts."""

from typing import Any

import pytest

from tests.shell.fake_api import Fault
from tests.shell.world import CART, World
from tests.support.builders import T0, incident
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.api.incident import Incident
from watchbill.api.incident_status import Claim, Hop, IncidentStatus, Page
from watchbill.core.effects import ConnectionKey
from watchbill.shell.kube import Unreachable

PAGER = ConnectionKey("shop", "pagerduty")


@pytest.fixture
def seen(world: World) -> Incident:
    world.furnish()
    world.declare()
    found = world.observer.last_seen(CART)
    assert found is not None
    return found


def update(by: str = "ana", name: str = "cart", **more: Any) -> dict[str, Any]:
    return {"incidentRef": {"name": name}, "by": by, "text": "on it", "audience": ["Internal"]} | more


async def test_an_observation_holds_the_class_the_policies_and_the_connections(world: World, seen: Incident):
    found = world.observer.observe(seen)
    assert found.incident_class is not None
    assert found.incident_class.metadata.name == "service"
    assert [*found.policies] == ["primary"]
    assert sorted(found.connections) == [ConnectionKey("shop", "backup"), PAGER]
    assert (len(found.policies), len(found.connections)) == (1, 2)
    assert (found.connections[PAGER].unkeyed, found.connections[PAGER].real) == (False, True)
    assert found.connections[ConnectionKey("shop", "backup")].unkeyed


async def test_a_vendor_that_carries_no_page_is_known_as_such(world: World, seen: Incident):
    world.put("Connection", "chat", {"slack": {"botTokenSecretRef": {"name": "slack", "key": "token"}}})
    assert not world.observer.observe(seen).connections[ConnectionKey("shop", "chat")].pages


async def test_a_class_that_is_named_comes_before_the_default(world: World, seen: Incident):
    spec = world.api.objects["/apis/watchbill.dev/v1alpha1/incidentclasses/service"]["spec"]
    world.put("IncidentClass", "a-second-default", spec, annotations={DEFAULT_CLASS_ANNOTATION: "false"})
    named = incident(classRef={"name": "a-second-default"})
    names = [world.observer.observe(each).incident_class for each in (named, seen)]
    assert [found.metadata.name for found in names if found] == ["a-second-default", "service"]


@pytest.mark.parametrize(("allowed", "found"), [(["service"], True), (["other"], False), (None, False)])
async def test_the_default_policy_counts_where_it_grants_its_use_to_the_class(
    world: World, seen: Incident, allowed: list[str] | None, found: bool
):
    spec = world.api.objects["/apis/watchbill.dev/v1alpha1/namespaces/shop/escalationpolicies/primary"][
        "spec"
    ]
    granted = {"allowedClasses": allowed} if allowed else {}
    raw = {
        "metadata": {"name": "all-hands", "namespace": "incident-platform", "resourceVersion": "1000"},
        "spec": spec | granted,
    }
    world.inbox.deliver("EscalationPolicy", None, raw)
    assert (world.observer.observe(seen).default_policy is not None) is found


async def test_updates_are_those_of_this_incident_in_the_order_in_which_they_came(
    world: World, seen: Incident
):
    for name, minute, of in (("b", 2, "cart"), ("a", 1, "cart"), ("c", 0, "other"), ("d", -1, "cart")):
        born = seen.metadata.creation_timestamp
        assert born is not None
        created = born.replace(minute=born.minute + minute) if minute >= 0 else T0
        metadata = {
            "name": name,
            "namespace": "shop",
            "creationTimestamp": created.isoformat(),
            "resourceVersion": "1000",
        }
        raw = {"metadata": metadata, "spec": update(name=of)}
        world.inbox.deliver("IncidentUpdate", None, raw)
    found = world.observer.observe(seen).updates
    assert [(each.name, each.by) for each in found] == [("a", "ana"), ("b", "ana")], "d is of a namesake"


def claimed(by: str) -> Incident:
    hop = Hop(connection="a", namespace="shop", key="1/1", state="Claimed", claim=Claim(by=by, time=T0))
    page = Page(id="p", epoch=1, round=1, level="a", due_time=T0, state="Pending", hops=(hop,))
    return incident(status=IncidentStatus(pages=(page,)))


async def test_a_foreign_claim_counts_from_when_this_process_first_saw_it(world: World):
    first = world.observer.observe(claimed("another"))
    world.pass_time(20)
    assert world.observer.observe(claimed("another")).foreign_claims == first.foreign_claims
    assert first.foreign_claims["1/1"] <= world.clock.now()
    assert world.observer.observe(claimed("a third")).foreign_claims != first.foreign_claims
    world.observer.forget(incident().metadata.uid)
    assert world.observer._claims == {}


async def test_a_claim_of_our_own_is_not_foreign(world: World):
    own = world.observer.observe(incident()).holder
    assert world.observer.observe(claimed(own)).foreign_claims == {}


async def test_an_absence_is_asked_for_once_in_five_seconds(world: World, seen: Incident):
    absences = world.observer.absences
    for again, asked in ((0, 1), (4, 1), (2, 2)):
        world.pass_time(again)
        absences.missed("Connection", "shop", "gone")
        assert not await absences.confirm()
        assert world.requests("GET", "connections/gone") == asked


async def test_what_is_there_after_all_is_told_as_the_watch_would_and_found_by_all_who_asked(
    world: World, seen: Incident
):
    world.lags = True
    world.put("Connection", "new", {"console": {}})
    world.queued.clear()
    world.observer.absences.missed("Connection", "shop", "new")
    assert await world.observer.absences.confirm()
    assert [key.name for key in world.queued] == ["new"], "whoever depends on it is looked at"


async def test_what_is_there_and_cannot_be_read_is_not_asked_for_without_end(world: World, seen: Incident):
    world.lags = True
    world.put("Connection", "odd", {"console": "odd"})
    for found in (True, False):
        world.observer.absences.missed("Connection", "shop", "odd")
        assert await world.observer.absences.confirm() is found


@pytest.mark.parametrize("there", [True, False])
async def test_a_missing_default_class_is_looked_for_in_one_list(world: World, there: bool):
    world.lags = True
    if there:
        world.furnish()
    world.observer.absences.missed("IncidentClass", "", "")
    assert await world.observer.absences.confirm() is there
    world.observer.absences.missed("IncidentClass", "", "")
    assert not await world.observer.absences.confirm()
    assert world.requests("GET", "incidentclasses") == 1


async def test_a_server_that_cannot_be_asked_holds_nobody_up(world: World, seen: Incident):
    await world.lose_the_server()
    world.api.requests.clear()
    world.observer.absences.missed("Connection", "shop", "gone")
    assert not await world.observer.absences.confirm()
    assert world.api.requests == []


async def test_a_refusal_confirms_nothing(world: World, seen: Incident):
    world.api.faults.append(Fault(403))
    for asked in (1, 2):
        world.observer.absences.missed("Connection", "shop", "gone")
        assert not await world.observer.absences.confirm()
        assert world.requests("GET", "connections/gone") == asked


async def test_an_incident_is_read_where_it_must_be_fresh_or_rests_and_only_there(
    world: World, seen: Incident
):
    assert await world.observer.incident(CART) == seen
    assert world.requests("GET") == 0
    world.people_say(told=False, title="another")
    fresh = await world.observer.incident(CART, fresh=True)
    assert fresh is not None
    assert fresh.spec.title == "another"
    world.observer.rest(CART)
    assert world.observer.last_seen(CART) is None
    assert await world.observer.incident(CART) == fresh
    assert world.requests("GET") == 2


async def test_a_read_that_finds_another_of_the_name_tells_of_the_first_ones_end(
    world: World, seen: Incident
):
    ended = []
    world.inbox._on_deleted = lambda key, last: ended.append(last["metadata"]["uid"])
    world.lags = True
    world.declare()
    found = await world.observer.incident(CART, fresh=True)
    assert found is not None
    assert found.metadata.uid != seen.metadata.uid
    assert ended == [seen.metadata.uid]


async def test_a_silent_server_is_told_to_whoever_asks_for_a_fresh_read(world: World, seen: Incident):
    world.api.silent = True
    with pytest.raises(Unreachable):
        await world.observer.incident(CART, fresh=True)
    assert world.observer.blind_since is not None
    assert world.observer.last_seen(CART) == seen
