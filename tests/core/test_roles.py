"""Who holds which role."""

import pytest
from pydantic import ValidationError

from tests.support.builders import T0, incident_class
from tests.support.play import ACKNOWLEDGED, begun, passed, said, seconds
from watchbill.api.incident_status import MAX_ROLES, RoleHolder


def role_entries(incident):
    return [(e.actor, e.source, e.text) for e in incident.status.timeline if e.kind == "Role"]


@pytest.mark.feature("F34.core")
def test_the_commander_is_the_first_to_acknowledge_and_every_change_is_in_the_timeline_with_who_and_when():
    incident = passed(begun(), "1m")
    assert incident.status.commander == ""
    incident.change(acknowledgedBy={"bo": {}})
    passed(incident, "1m")
    incident.change(acknowledgedBy={"ana": {}, "bo": {}})
    assert incident.status.commander == "bo"
    assert [(r.name, r.user, seconds(r.since_time)) for r in incident.status.roles] == [
        ("commander", "bo", 60)
    ]
    incident.change(roles={"commander": "cy"}, setBy={"declaration": "ana", "roles": "ana"})
    assert incident.status.commander == "cy"
    assert [(r.user, seconds(r.since_time)) for r in incident.status.roles] == [("cy", 120)]
    assert role_entries(incident) == [
        ("bo", "kubectl", "bo is commander"),
        ("ana", "kubectl", "cy is commander"),
    ]


def test_a_commander_that_a_person_named_comes_before_who_acknowledges():
    incident = begun(spec={"roles": {"commander": "cy"}, "setBy": {"declaration": "ana", "roles": "ana"}})
    incident.change(**ACKNOWLEDGED)
    assert incident.status.commander == "cy"


def test_a_commander_stays_when_the_acknowledgement_or_the_name_is_taken_back():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    incident.change(acknowledgedBy={"bo": {}})
    assert incident.status.commander == "ana"
    incident.change(roles={"commander": "cy"})
    incident.change(roles=None)
    assert incident.status.commander == "cy"
    assert role_entries(incident)[-1] == ("unknown", "kubectl", "cy is commander")


def test_who_resolves_at_once_commands():
    incident = begun()
    said(incident, "Resolved", by="bo")
    assert incident.status.commander == "bo"


def test_other_roles_of_the_row_are_filled_by_their_rule():
    roles = [{"name": name, "from": {"type": "FirstAcknowledger"}} for name in ("commander", "scribe")]
    incident = begun(incident_class=incident_class(roles=roles))
    incident.change(**ACKNOWLEDGED)
    assert {role.name: role.user for role in incident.status.roles} == {"commander": "ana", "scribe": "ana"}


def test_without_a_class_there_is_still_a_commander():
    incident = begun(incident_class=None)
    incident.change(**ACKNOWLEDGED)
    assert incident.status.commander == "ana"


def test_a_class_can_have_no_more_roles_than_a_status_holds_beside_the_commander():
    roles = [{"name": f"role-{number}", "from": {"type": "FirstAcknowledger"}} for number in range(7)]
    incident = begun(incident_class=incident_class(roles=roles))
    incident.change(**ACKNOWLEDGED)
    assert len(incident.status.roles) == 8
    with pytest.raises(ValidationError, match="at most 7"):
        incident_class(roles=[*roles, roles[0] | {"name": "one-more"}])
    assert incident.status.commander == "ana"


def test_roles_that_only_another_version_knows_give_way_before_the_status_cannot_be_written():
    incident = begun()
    left = [RoleHolder(name=f"role-{number}", user="cy", since_time=T0) for number in range(MAX_ROLES)]
    incident.stored = incident.stored.model_copy(update={"roles": tuple(left)})
    incident.change(**ACKNOWLEDGED)
    names = [role.name for role in incident.status.roles]
    assert names == [*(role.name for role in left[1:]), "commander"]
