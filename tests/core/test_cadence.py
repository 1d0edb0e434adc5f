"""What is expected of people by when, and when a resolved incident closes."""

from typing import Any

import pytest

from tests.support.builders import incident_class, policy
from tests.support.play import (
    ACKNOWLEDGED,
    begun,
    condition,
    events,
    frozen,
    kinds,
    paged,
    passed,
    phase,
    posted,
    said,
    seconds,
)
from watchbill.core.observation import UpdateFacts

OPTIONAL = {"spec": {"severity": "SEV-3"}}
"""SEV-3 asks for no postmortem."""


def test_an_incident_begins_with_the_deadlines_of_its_row():
    deadlines = begun().status.deadlines
    assert (seconds(deadlines.acknowledge_time), seconds(deadlines.update_time)) == (300, 900)
    assert (deadlines.acknowledgement_expiry_time, deadlines.close_time) == (None, None)


def test_an_unknown_severity_is_worked_as_the_most_severe_and_that_is_said():
    incident = begun(spec={"severity": "SEV-9"})
    assert seconds(incident.status.deadlines.acknowledge_time) == 300
    assert condition(incident, "Accepted").reason == "UnknownSeverity"
    assert "SEV-9 is not one of SEV-1, SEV-2, SEV-3" in condition(incident, "Accepted").message


def test_nobody_acknowledging_in_time_is_said_once_and_pages_nobody():
    incident = passed(begun(), "4m59s")
    assert condition(incident, "Acknowledged").reason == "Waiting"
    pages = len(paged(incident))
    passed(incident, "3s")
    held = condition(incident, "Acknowledged")
    assert (held.status, held.reason) == ("False", "Overdue")
    assert held.message == "nobody acknowledged by 03:05:00 UTC, as SEV-1 expects"
    assert [level for _, level, _ in paged(incident)[pages:]] == ["secondary"]
    assert events(passed(incident, "1h")).count("Overdue") == 1


def test_an_update_that_is_due_is_said_until_it_is_posted():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    passed(incident, "14m59s")
    assert condition(incident, "UpdateOverdue").status == "False"
    passed(incident, "1s")
    overdue = condition(incident, "UpdateOverdue")
    assert (overdue.status, overdue.reason) == ("True", "Overdue")
    assert overdue.message == "an update was due at 03:15:00 UTC; post an IncidentUpdate"
    posted(incident)
    assert condition(incident, "UpdateOverdue").status == "False"
    assert seconds(incident.status.deadlines.update_time) == 1800
    assert kinds(passed(incident, "1h")).count("UpdateOverdue") == 2


def test_a_row_without_a_cadence_expects_no_update():
    incident = passed(begun(incident_class=incident_class(updateEvery=None)), "24h")
    assert condition(incident, "UpdateOverdue").reason == "NoCadence"


def test_updates_are_counted_once_in_their_order_and_move_the_public_phase():
    incident = begun()
    posted(incident, "first", "Investigating")
    passed(incident, "1m")
    posted(incident, "second")
    incident.start()
    updates = incident.status.updates
    assert (updates.count, updates.last_name, seconds(updates.last_time)) == (2, "second", 60)
    assert incident.status.public_phase == "Investigating"
    assert [(e.actor, e.source, e.text) for e in incident.status.timeline if e.kind == "Updated"] == [
        ("bo", "update", "bo posted first"),
        ("bo", "update", "bo posted second"),
    ]


def test_two_updates_of_one_second_are_both_counted():
    incident = begun()
    update = UpdateFacts(incident.now, "a", "bo")
    incident.alter(updates=(update, UpdateFacts(incident.now, "b", "cy", "Identified")))
    assert (incident.status.updates.count, incident.status.public_phase) == (2, "Identified")


@pytest.mark.parametrize("act", [ACKNOWLEDGED, {"state": "Mitigated"}, {"state": "Resolved"}])
def test_the_public_phase_moves_only_by_posted_updates(act):
    incident = begun()
    incident.change(**act)
    assert incident.status.public_phase is None


def test_a_resolved_incident_closes_when_nobody_can_reopen_it_any_more():
    incident = begun(**OPTIONAL)
    said(incident, "Resolved")
    passed(incident, "59m59s")
    assert phase(incident) == "Resolved"
    passed(incident, "1s")
    assert phase(incident) == "Closed"
    assert condition(incident, "Closed").reason == "ReopenWindowOver"
    assert seconds(incident.status.times.closed_time) == 3600
    assert events(incident)[-1] == "Closed"


def test_a_reopen_in_time_keeps_the_incident_open_and_the_window_begins_anew_with_the_next_resolution():
    incident = begun(**OPTIONAL)
    said(incident, "Resolved")
    passed(incident, "50m")
    said(incident, "Open")
    passed(incident, "2h")
    assert phase(incident) == "Triggered"
    said(incident, "Resolved", "again")
    passed(incident, "59m")
    assert phase(incident) == "Resolved"


def test_a_required_postmortem_holds_the_incident_as_resolved():
    incident = begun()
    said(incident, "Resolved")
    passed(incident, "720h")
    assert phase(incident) == "Resolved"
    assert incident.status.deadlines.close_time is None


def test_nothing_is_expected_any_more_once_the_incident_is_over():
    incident = begun()
    said(incident, "Resolved")
    passed(incident, "24h")
    assert condition(incident, "UpdateOverdue").status == "False"
    assert incident.status.deadlines.update_time is None


@pytest.mark.feature("F13.core")
def test_changing_a_row_of_the_class_changes_the_plan_of_the_next_incident_and_of_no_running_one():
    running = begun()
    before = running.status
    changed = incident_class(
        updateEvery="1h",
        acknowledgeWithin="30m",
        escalation={"policyName": "other"},
        postmortem={"policy": "None"},
        response={"channel": {"connectionRef": {"name": "slack", "namespace": "incident-platform"}}},
        roles=[{"name": "scribe", "from": {"type": "FirstAcknowledger"}}],
    )
    policies = {"primary": policy(), "other": policy(name="other")}
    running.alter(incident_class=changed, policies=policies)
    running.start()
    assert running.status == before
    next_one = begun(incident_class=changed, policies=policies)
    assert seconds(next_one.status.deadlines.update_time) == 3600
    assert seconds(next_one.status.deadlines.acknowledge_time) == 1800
    assert frozen(next_one).name == "other"
    for incident in (running, next_one):
        incident.change(**ACKNOWLEDGED)
        said(incident, "Resolved")
        passed(incident, "1h")
    assert (phase(running), phase(next_one)) == ("Resolved", "Closed")
    assert [role.name for role in running.status.roles] == ["commander"]
    assert sorted(role.name for role in next_one.status.roles) == ["commander", "scribe"]
    classes: list[Any] = [incident.status.frozen_class for incident in (running, next_one)]
    old, new = (class_.severities[0] for class_ in classes)
    assert (old.response, old.postmortem.policy) == (None, "Required")
    assert (new.response.channel.connection_ref.name, new.postmortem.policy) == ("slack", "None")
