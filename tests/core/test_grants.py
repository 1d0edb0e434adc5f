"""Whoever may be used from another namespace is used where they grant it, and nowhere else.

Hop by hop: a policy against the incident's namespace or its class, a connection against the policy's.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.core.steps.driving import RUN, TARGET, drive, step
from tests.support.builders import KEYED, T0, UNKEYED, connections, incident_class, policy, target
from tests.support.play import begun, condition, hops, paged
from watchbill.api.connection import AllowedNamespaces, ConnectionSpec
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.core.effects import ConnectionKey
from watchbill.core.observation import ConnectionFacts
from watchbill.core.readiness import policy_condition
from watchbill.core.steps.registry import STEP_KINDS

pytestmark = [pytest.mark.feature("F59"), pytest.mark.convention(21)]

THEIRS = ConnectionKey("pay", "theirs")
REF = {"connectionRef": {"name": "theirs", "namespace": "pay"}}

PLACES = (
    "levels[].targets[]",
    "levels[].targets[].fallback[]",
    "lastResort.targets[]",
    "lastResort.targets[].fallback[]",
)
"""Where a policy names a connection."""


def naming(place: str) -> EscalationPolicy:
    """A policy that pages their connection at once, since nobody else who comes before can be reached."""
    way = {False: REF, True: target("gone") | {"fallback": [REF]}}[place.endswith("fallback[]")]
    is_last = place.startswith("lastResort")
    body = policy(("one", "5m", [target("gone") if is_last else way])).model_dump(by_alias=True, mode="json")
    body["spec"]["lastResort"] = {"targets": [way if is_last else target("backup")]}
    return EscalationPolicy.model_validate(body)


GRANTS: dict[str, tuple[Mapping[str, Any] | None, bool]] = {
    "granted by name": ({"from": "Names", "names": ["ads", "shop"]}, True),
    "granted to all": ({"from": "All"}, True),
    "not granted": (None, False),
    "granted to its own": ({"from": "Same"}, False),
    "granted to another": ({"from": "Names", "names": ["ads", "shop-test"]}, False),
}
TODO = "onnection pay/theirs must exist and list shop in its spec.allowedNamespaces"


def seen(grant: Mapping[str, Any] | None, there: bool = True) -> dict[ConnectionKey, ConnectionFacts]:
    """The connections that are there: theirs with this grant, and one of ours."""
    allowed = AllowedNamespaces.model_validate(grant) if grant else None
    theirs = {THEIRS: replace(KEYED, uid="uid-theirs", allowed_namespaces=allowed)} if there else {}
    return theirs | {ConnectionKey("shop", "backup"): replace(UNKEYED, uid="uid-backup")}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("grant", "goes"), GRANTS.values(), ids=GRANTS)
def test_a_page_goes_where_the_connection_grants_its_use_and_nowhere_else(
    place: str, grant: Mapping[str, Any] | None, goes: bool
):
    found = naming(place)
    world = begun(policies={"primary": found}, connections=seen(grant))
    assert ("theirs" in [connection for _, _, connection in paged(world)]) is goes
    spec = ConnectionSpec.model_validate({"console": {}} | ({"allowedNamespaces": grant} if grant else {}))
    own = ConnectionSpec.model_validate({"console": {}})
    specs = {ConnectionKey("shop", name): own for name in ("gone", "backup")} | {THEIRS: spec}
    ready = policy_condition(found, specs, T0)
    assert ready.status == ("True" if goes else "False")
    if not goes:
        assert ready.reason == "RefNotPermitted"
        assert TODO in ready.message


@pytest.mark.parametrize("place", PLACES)
def test_a_namespace_that_grants_nothing_does_not_tell_whether_what_is_named_is_there(place: str):
    """What a tenant can read is the same for both: a status that differed would be a way to look around."""
    worlds = [
        begun(policies={"primary": naming(place)}, connections=seen(None, there)) for there in (False, True)
    ]
    missing, refused = (world.status.model_dump() for world in worlds)
    assert missing == refused
    said = [hop.message for hop in hops(worlds[0]) if hop.connection == "theirs"]
    said += [entry.text for entry in worlds[0].status.timeline]
    said.append(condition(worlds[0], "Degraded").message)
    assert place != PLACES[0] or any(TODO in each for each in said), said


@pytest.mark.parametrize(("grantee", "goes"), [("incident-platform", True), ("shop", False)])
def test_a_connection_of_the_class_policy_is_judged_by_the_policys_namespace(grantee: str, goes: bool):
    """The incident's own namespace is two hops away: a grant to it is none to the policy that pages."""
    default = policy(("duty", "5m", [REF]), name="all-hands", namespace="incident-platform")
    world = begun(
        policies={},
        default_policy=default,
        connections=seen({"from": "Names", "names": [grantee]}),
    )
    assert (paged(world) == [(0, "duty", "theirs")]) is goes


CLASS_GRANTS = {"granted": (("service",), True), "not": ((), False), "to another": (("services",), False)}


@pytest.mark.parametrize(("classes", "goes"), CLASS_GRANTS.values(), ids=CLASS_GRANTS)
def test_a_channel_is_made_where_its_connection_grants_its_use_to_the_class(
    classes: tuple[str, ...], goes: bool
):
    ref = {"connectionRef": {"name": "slack", "namespace": "incident-platform"}}
    chat = ConnectionFacts("uid-slack", allowed_classes=classes, pages=False, channels=True)
    world = begun(
        incident_class=incident_class(response={"channel": ref}),
        connections={**connections(), ConnectionKey("incident-platform", "slack"): chat},
    )
    channel = world.status.resources.channel
    assert channel is not None
    assert bool(world.chat.rooms) is goes
    if not goes:
        assert (channel.reason, channel.external_id) == ("RefNotPermitted", "")
        assert "must list service in its spec.allowedClasses" in condition(world, "Degraded").message


ELSEWHERE = TARGET | {"namespace": "pay"}
ROUTE = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "name": "r", "namespace": "pay"}
FLAGS = {"name": "flags", "namespace": "pay", "key": "flags.json"}
IN_ANOTHERS_PLACE: dict[str, dict[str, Any]] = {
    "kubernetes": {"kubernetes": {"targetRef": ELSEWHERE, "restart": {}}},
    "rollback": {"rollback": {"targetRef": ELSEWHERE}},
    "check": {"check": {"targetRef": ELSEWHERE, "condition": "true"}},
    "traffic": {"traffic": {"targetRef": ROUTE, "weights": [{"name": "v1", "weight": 100}]}},
    "flag": {"flag": {"flagd": {"configMapKeyRef": FLAGS, "feature": "f", "state": "DISABLED"}}},
}


@pytest.mark.parametrize(("kind", "body"), IN_ANOTHERS_PLACE.items(), ids=IN_ANOTHERS_PLACE)
def test_a_step_leaves_alone_what_is_out_of_the_runbooks_scope(kind: str, body: dict[str, Any]):
    """Nothing is asked for there; within the scope it is RBAC that decides, for the run's own account."""
    kinds: Mapping[str, Any] = STEP_KINDS
    planned, asked = drive(kinds[kind].plan(step(**body), RUN))
    assert "namespace pay is not in spec.scope.namespaces of the runbook" in planned.denied
    assert asked == []
    listed = replace(RUN, namespaces=("pay",))
    exchange = kinds[kind].plan if kind != "check" else partial(kinds[kind].act, planned=planned)
    assert next(exchange(step(**body), listed)).namespace == "pay"
