"""The start of an incident: class and policy are found and frozen, and paging begins."""

import pytest

from tests.support.builders import KEYED, connections, incident_class, policy
from tests.support.play import begun, condition, events, frozen, keys, kinds, paged, passed
from watchbill.core.effects import ConnectionKey

PAGER = ConnectionKey("shop", "pagerduty")


@pytest.mark.parametrize(
    ("facts", "spec", "reason", "text"),
    [
        pytest.param(
            {"incident_class": None},
            {},
            "ClassNotFound",
            "IncidentClass marked as default is not there; create it, and the incident goes on",
            id="there is no default class",
        ),
        pytest.param(
            {"incident_class": None},
            {"classRef": {"name": "service"}},
            "ClassNotFound",
            "IncidentClass service is not there; create it, and the incident goes on",
            id="the class that it names is not there",
        ),
        pytest.param(
            {"policies": {}, "default_policy": None},
            {},
            "PolicyNotFound",
            "EscalationPolicy primary is not there, and the class's defaultEscalation cannot be used",
            id="its policy is not there",
        ),
        pytest.param(
            {"incident_class": incident_class(escalation=None), "default_policy": None},
            {},
            "PolicyNotFound",
            "EscalationPolicy default is not there, and the class's defaultEscalation cannot be used",
            id="the class names no policy and its default is not there",
        ),
    ],
)
def test_an_incident_without_a_plan_pages_the_operators_own_connection_and_says_why(
    facts, spec, reason, text
):
    incident = begun(spec=spec, last_resort=PAGER, **facts)
    accepted = condition(incident, "Accepted")
    assert (accepted.status, accepted.reason, accepted.message) == ("False", reason, text)
    assert paged(incident) == [(0, "operatorLastResort", "pagerduty")]
    assert events(incident)[0] == "NotPlanned"
    passed(incident, "10m")
    assert events(incident).count("NotPlanned") == kinds(incident).count("NotPlanned") == 1


def test_when_the_plan_appears_its_first_level_is_paged_in_a_new_epoch():
    incident = begun(incident_class=None, last_resort=PAGER)
    passed(incident, "10m")
    incident.alter(incident_class=incident_class())
    assert paged(incident)[1:] == [(600, "primary", "pagerduty")]
    assert len(set(keys(incident))) == 2
    assert "Triggered" in events(incident)


def test_without_any_connection_the_operator_tries_again_every_minute():
    incident = passed(begun(incident_class=None), "5m")
    assert (incident.sent, condition(incident, "Degraded").reason) == ([], "NobodyPaged")
    incident.alter(last_resort=PAGER)
    passed(incident, "1m")
    assert len(incident.sent) == 1


def test_a_drill_without_a_plan_pages_nobody():
    incident = passed(begun(spec={"mode": "Drill"}, incident_class=None, last_resort=PAGER), "1h")
    assert (incident.sent, incident.status.escalation.state) == ([], "Idle")


def test_a_declaration_is_the_first_entry_and_is_made_by_who_declared():
    entry = begun().status.timeline[0]
    assert (entry.kind, entry.actor, entry.text) == (
        "Declared",
        "ana",
        "SEV-1 declared: Checkout returns 500",
    )
    assert begun(spec={"setBy": None}).status.timeline[0].actor == "unknown"


def test_the_default_policy_is_said_in_accepted():
    incident = begun(policies={})
    accepted = condition(incident, "Accepted")
    assert (accepted.status, accepted.reason) == ("True", "DefaultEscalation")
    assert accepted.message == (
        "class service, policy incident-platform/all-hands: "
        "the namespace has no policy of the name that SEV-1 asks for"
    )


def test_a_policy_that_appears_later_does_not_replace_what_was_frozen():
    incident = begun(policies={})
    incident.alter(policies={"primary": policy()})
    assert frozen(incident).name == "all-hands"


def test_the_connections_are_of_the_moment_in_which_a_level_opens():
    incident = begun()
    incident.alter(connections=connections(backup=KEYED))
    passed(incident, "5m")
    assert not incident.sent[-1].effect.page.hops[0].unkeyed
