"""A policy that is suspended is passed over, and nobody is left without a page for it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import KEYED, connections, observation, policy, target
from tests.support.play import REFUSED, begun, condition, escalates, events, keys, kinds, paged, passed
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.core.effects import ConnectionKey
from watchbill.core.plan import frozen_policy
from watchbill.core.suspension import suspension

pytestmark = pytest.mark.convention(45)

OPERATOR = ConnectionKey("watchbill", "operator")
DEFAULT = policy(
    ("duty-manager", "5m", [target("all-hands")]),
    last_resort="all-hands",
    name="all-hands",
    namespace="incident-platform",
)
CONNECTIONS = observation().connections
STATES = ("active", "suspended", "absent")

ACTIVE: dict[str, tuple[str, str]] = {
    "named": ("primary", "pagerduty"),
    "default": ("duty-manager", "all-hands"),
    "operator": ("operatorLastResort", "operator"),
}
"""Who is paged first by what is taken: the level, and the connection."""


def suspended(found: EscalationPolicy, suspend: bool | None = True) -> EscalationPolicy:
    return found.model_copy(update={"spec": found.spec.model_copy(update={"suspend": suspend})})


def given(named: str, default: str, has_own: bool) -> dict[str, Any]:
    """What there is: the policy that the severity names, the class's default, the operator's last resort."""
    own = {OPERATOR: replace(KEYED, uid="uid-operator")} if has_own else {}
    return {
        "policies": {} if named == "absent" else {"primary": suspended(policy(), named == "suspended")},
        "default_policy": None if default == "absent" else suspended(DEFAULT, default == "suspended"),
        "connections": {**CONNECTIONS, **own},
        "last_resort": OPERATOR if has_own else None,
    }


def first(named: str, default: str, has_own: bool) -> str:
    """What is taken: as if what is suspended were not there, and what is suspended where nothing else is."""
    order = [
        ("named", named == "active"),
        ("default", default == "active"),
        ("operator", has_own),
        ("named", named == "suspended"),
        ("default", default == "suspended"),
    ]
    return next((name for name, is_taken in order if is_taken), "")


@pytest.mark.parametrize("has_own", [True, False], ids=["own", "none"])
@pytest.mark.parametrize("default", STATES)
@pytest.mark.parametrize("named", STATES)
def test_somebody_is_paged_at_once_whatever_is_suspended(named: str, default: str, has_own: bool):
    incident = begun(**given(named, default, has_own))
    taken = first(named, default, has_own)
    assert paged(incident) == ([(0, *ACTIVE[taken])] if taken else [])
    accepted = condition(incident, "Accepted")
    is_passed_over = named == "suspended" or (named == "absent" and default == "suspended")
    assert (accepted.reason == "PolicySuspended") is is_passed_over
    if is_passed_over:
        assert "is suspended" in accepted.message
        assert {"PolicySuspended", "NotPlanned"} & set(kinds(incident))
        assert {"Triggered", "NotPlanned"} & set(events(incident))


def test_it_is_said_what_is_taken_in_its_place():
    incident = begun(**given("suspended", "active", True))
    said = "class service, policy incident-platform/all-hands: the policy that SEV-1 asks for is suspended"
    assert (condition(incident, "Accepted").status, condition(incident, "Accepted").message) == ("True", said)
    assert [each.text for each in incident.status.timeline if each.kind == "PolicySuspended"] == [said]


def test_an_incident_that_has_no_plan_for_it_is_planned_anew_when_it_is_resumed():
    incident = begun(**given("suspended", "absent", True))
    assert condition(incident, "Accepted").status == "False"
    passed(incident, "10m")
    incident.alter(policies={"primary": suspended(policy(), False)})
    assert paged(incident)[1:] == [(600, "primary", "pagerduty")]
    assert len(set(keys(incident))) == 2
    assert condition(incident, "Accepted").reason == "Planned"


def test_what_runs_by_it_already_goes_on():
    incident = begun()
    incident.alter(policies={"primary": suspended(policy())})
    passed(incident, "5m")
    assert paged(incident) == [(0, "primary", "pagerduty"), (300, "secondary", "backup")]
    escalates(incident)
    assert condition(incident, "Accepted").reason == "Planned"


def test_a_rise_in_severity_that_finds_nothing_but_it_keeps_the_plan_that_it_has():
    incident = begun(spec={"severity": "SEV-2"}, connections={**CONNECTIONS, OPERATOR: KEYED})
    incident.alter(policies={"primary": suspended(policy())}, default_policy=None, last_resort=OPERATOR)
    incident.change(severity="SEV-1")
    assert [level for _, level, _ in paged(incident)] == ["primary", "primary"]


@pytest.mark.parametrize(("default", "level"), [("active", "duty-manager"), ("suspended", "primary")])
def test_whoever_adopts_it_gets_what_is_taken_in_its_place(default: str, level: str):
    incident = begun()
    incident.alter(**given("suspended", default, has_own=default == "suspended"))
    incident.change(escalation={"adoptPolicy": True}, setBy={"declaration": "ana", "escalation": "ana"})
    assert paged(incident)[-1][1] == level
    texts = [each.text for each in incident.status.timeline if each.kind == "PolicyAdopted"]
    assert ("asked for the policy, and it is suspended" in texts[0]) is (default == "suspended")


def test_a_default_that_is_suspended_steps_in_for_nobody_while_the_operator_has_its_own():
    nobody = {"pagerduty": REFUSED, "backup": REFUSED}
    for has_own, through in ((True, "operator"), (False, "all-hands")):
        incident = passed(begun(nobody, **given("active", "suspended", has_own)), "15m")
        assert {name for _, _, name in paged(incident)} - nobody.keys() == {through}


def test_a_last_resort_of_the_operator_that_is_not_there_is_none():
    facts = given("suspended", "absent", True) | {"connections": connections()}
    assert paged(begun(**facts)) == [(0, "primary", "pagerduty")]


def test_it_is_frozen_as_the_policy_that_it_is_when_it_is_resumed():
    assert len({frozen_policy(suspended(policy(), said)).hash for said in (True, False, None)}) == 1


def test_how_it_is_resumed_is_said():
    assert (suspension(policy()), suspension(suspended(policy(), False))) == ("", "")
    assert suspension(suspended(policy())) == (
        "suspended: incidents pass it over; to resume it: kubectl -n shop patch escalationpolicy primary "
        "--type=merge -p 'spec: {suspend: false}'"
    )
