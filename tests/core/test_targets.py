"""From a target to the hops of its page, and the outward keys."""

from dataclasses import replace

import pytest

from tests.support.builders import KEYED, T0, UID, connections, incident, observation, policy, target
from tests.support.play import begun, keys, paged
from watchbill.api.connection import AllowedNamespaces
from watchbill.api.escalation_policy import Target
from watchbill.api.incident_status import Hop, IncidentStatus
from watchbill.core.draft import Draft
from watchbill.core.effects import ConnectionKey
from watchbill.core.plan import LAST_RESORT
from watchbill.core.targets import is_reachable, page_for, page_key

PLACE = (1, 1, "primary")


def page(wanted, place=PLACE, mode="Live", **facts):
    draft = Draft(observation(incident(mode=mode), **facts), T0, IncidentStatus())
    return page_for(draft, Target.model_validate(wanted), place, "shop")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(page_key("another", PLACE, "t", "c"), id="another incident"),
        pytest.param(page_key(UID, (2, 1, "primary"), "t", "c"), id="another epoch"),
        pytest.param(page_key(UID, (1, 2, "primary"), "t", "c"), id="another round"),
        pytest.param(page_key(UID, (1, 1, "secondary"), "t", "c"), id="another level"),
        pytest.param(page_key(UID, PLACE, "t", "d"), id="another connection"),
        pytest.param(page_key(UID, PLACE, "u", "c"), id="another target with the same fallback"),
        pytest.param(page_key(UID, (1, 1, LAST_RESORT), "t", "c"), id="the last resort"),
    ],
)
def test_a_key_differs_for(other):
    assert other != page_key(UID, PLACE, "t", "c")


def test_a_key_is_short_enough_for_every_vendor_and_for_the_schema():
    longest = page_key(UID, (1_000_000, 1_000_000, "l" * 63), "t" * 36, "c" * 36)
    assert len(longest) <= 160
    Hop.model_validate({"connection": "c", "namespace": "n", "state": "Pending", "key": longest})


def test_every_connection_of_a_target_is_a_hop_in_the_order_of_fallback():
    found = page(target("pagerduty", "backup"))
    assert [(hop.connection, hop.namespace, hop.connection_uid, hop.unkeyed) for hop in found.hops] == [
        ("pagerduty", "shop", "uid-pagerduty", False),
        ("backup", "shop", "uid-backup", True),
    ]
    assert is_reachable(found)


@pytest.mark.parametrize(
    ("name", "facts", "reason", "message"),
    [
        pytest.param("gone", None, "RefNotFound", "connection shop/gone is not there", id="is not there"),
        pytest.param(
            "chat", {"pages": False}, "InvalidSpec", "connection shop/chat cannot carry pages", id="is a chat"
        ),
    ],
)
def test_a_hop_fails_from_the_start_where_its_connection(name, facts, reason, message):
    seen = connections(**({name: replace(KEYED, **facts)} if facts else {}))
    (hop,) = page(target(name), connections=seen).hops
    assert (hop.state, hop.reason, hop.message) == ("Failed", reason, message)
    assert not is_reachable(page(target(name), connections=seen))


@pytest.mark.parametrize(
    ("allowed", "state"),
    [
        pytest.param(None, "Failed", id="grants nothing"),
        pytest.param(
            {"from": "Names", "names": ["other"]}, "Failed", id="grants its use to another namespace"
        ),
        pytest.param(
            {"from": "Names", "names": ["shop"]}, "Pending", id="grants its use to the policy's namespace"
        ),
        pytest.param({"from": "All"}, "Pending", id="grants its use to all"),
    ],
)
def test_a_connection_of_another_namespace(allowed, state):
    grant = AllowedNamespaces.model_validate(allowed) if allowed else None
    facts = replace(KEYED, allowed_namespaces=grant)
    wanted = {"connectionRef": {"name": "shared", "namespace": "platform"}}
    (hop,) = page(wanted, connections={ConnectionKey("platform", "shared"): facts}).hops
    assert hop.state == state


def test_a_message_is_cut_to_what_the_schema_holds():
    wanted = {"connectionRef": {"name": "c" * 63, "namespace": "n" * 63}}
    seen = {ConnectionKey("n" * 63, "c" * 63): KEYED}
    (hop,) = page(wanted, connections=seen).hops
    assert Hop.model_validate(hop.model_dump()) == hop
    assert hop.message.endswith("…")


def test_a_connection_that_wakes_nobody_is_marked():
    seen = connections(pagerduty=replace(KEYED, real=False))
    assert page(target("pagerduty"), connections=seen).hops[0].unreal


def test_in_a_drill_a_page_counts_as_delivered_and_wakes_nobody():
    (hop,) = page(target("pagerduty"), mode="Drill").hops
    assert (hop.state, hop.reason, hop.unreal) == ("Accepted", "Drill", True)


def test_the_same_connection_named_in_two_ways_is_paged_once():
    both = [target("pagerduty"), {"connectionRef": {"name": "pagerduty", "namespace": "shop"}}]
    running = begun(policies={"primary": policy(("a", "5m", both))})
    assert paged(running) == [(0, "a", "pagerduty")]


def test_an_id_fits_the_entry_of_a_person_who_takes_the_page():
    found = page(target("pagerduty"))
    assert found.id.startswith("p-")
    assert len(found.id) <= 32
    assert found.id == page(target("pagerduty", "backup")).id


def test_keys_of_two_incidents_never_meet():
    assert not set(keys(begun())) & {page_key("other-uid", PLACE, "uid-pagerduty", "uid-pagerduty")}
