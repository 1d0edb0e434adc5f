"""Who acknowledged, for which epoch it counts, and how it ends."""

import re

import pytest

from tests.support.builders import UNKEYED, connections, incident_class, policy, target
from tests.support.play import (
    ACKNOWLEDGED,
    begun,
    condition,
    escalates,
    events,
    keys,
    kinds,
    page_of,
    paged,
    passed,
    phase,
    posted,
    said,
    seconds,
    told,
)
from watchbill.api.incident_status import MAX_ACKNOWLEDGEMENTS
from watchbill.core.texts import acknowledge_command

EXPIRING = {"incident_class": incident_class(acknowledgementTimeout="30m")}
TWO_LEVELS = {
    "policies": {
        "primary": policy(
            ("first", "10m", [target("pagerduty")]),
            ("second", "1h", [target("backup"), target("mail")]),
        )
    },
    "connections": connections(mail=UNKEYED),
}


@pytest.mark.feature("F21")
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda i: i.change(**ACKNOWLEDGED), id="by an entry of their own"),
        pytest.param(
            lambda i: i.change(acknowledgedBy={"bo": {"page": i.status.pages[0].id}}), id="by taking one page"
        ),
        pytest.param(lambda i: said(i, "Mitigated"), id="by saying that the harm has stopped"),
        pytest.param(lambda i: said(i, "Resolved"), id="by resolving"),
    ],
)
def test_an_acknowledgement_stops_all_further_pages_of_the_incident_at_once(act):
    incident = passed(begun(), "4m59s")
    act(incident)
    passed(incident, "24h")
    assert len(paged(incident)) == 1
    assert condition(incident, "Acknowledged").status == "True"
    assert incident.status.escalation.state == "Stopped"


@pytest.mark.feature("F21")
def test_a_responder_added_after_the_acknowledgement_stops_only_their_own_page_by_acknowledging_it():
    incident = passed(begun(**TWO_LEVELS), "1m")
    incident.change(**ACKNOWLEDGED)
    escalates(incident, "a second pair of eyes")
    added = [page for page in incident.status.pages if page.level == "second"]
    assert [connection for _, level, connection in paged(incident) if level == "second"] == ["backup", "mail"]
    incident.change(acknowledgedBy={"ana": {}, "bo": {"page": added[0].id}})
    assert keys(incident, "acknowledge")[1:] == [added[0].hops[0].key]
    states = [page.state for page in incident.status.pages if page.level == "second"]
    assert states == ["Acknowledged", "Accepted"]
    assert incident.status.escalation.state == "Waiting"
    passed(incident, "1h")
    assert paged(incident)[-1][1] == "lastResort"


def test_when_every_page_of_the_level_is_taken_escalation_stops():
    incident = passed(begun(**TWO_LEVELS), "1m")
    incident.change(**ACKNOWLEDGED)
    escalates(incident)
    first, second = (page for page in incident.status.pages if page.level == "second")
    incident.change(acknowledgedBy={"ana": {}, "bo": {"page": first.id}, "cy": {"page": second.id}})
    assert incident.status.escalation.state == "Stopped"
    assert len(paged(passed(incident, "24h"))) == 3


def test_a_page_that_its_taker_gives_back_is_asked_for_again_in_a_new_epoch():
    incident = begun(
        policies={"primary": policy(("a", "5m", [target("pagerduty")]), ("b", "5m", [target("backup")]))}
    )
    incident.change(**ACKNOWLEDGED)
    escalates(incident)
    incident.change(acknowledgedBy={"ana": {}, "bo": {"page": page_of(incident, "b").id}})
    assert incident.status.escalation.state == "Stopped"
    incident.change(acknowledgedBy={"ana": {}})
    assert (phase(incident), incident.status.escalation.epoch) == ("Acknowledged", 3)
    assert [level for _, level, _ in paged(incident)] == ["a", "b", "b"]


def test_a_page_that_is_given_back_while_others_are_still_asked_changes_nothing():
    incident = passed(begun(**TWO_LEVELS), "1m")
    incident.change(**ACKNOWLEDGED)
    escalates(incident)
    incident.change(acknowledgedBy={"ana": {}, "bo": {"page": page_of(incident, "second").id}})
    sent = len(paged(incident))
    incident.change(acknowledgedBy={"ana": {}})
    assert (phase(incident), incident.status.escalation.epoch, len(paged(incident))) == (
        "Acknowledged",
        2,
        sent,
    )


def test_who_holds_the_incident_keeps_it_when_taking_one_page_as_well():
    incident = begun(**EXPIRING)
    incident.change(**ACKNOWLEDGED)
    passed(incident, "10m")
    escalates(incident)
    incident.change(acknowledgedBy={"ana": {"page": page_of(incident, "secondary").id}})
    assert [record.page for record in incident.status.acknowledgements] == [""]
    passed(incident, "30m")
    assert phase(incident) == "Triggered"


def test_an_unknown_page_id_is_said_to_be_none_and_stops_nothing():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    escalates(incident)
    incident.change(acknowledgedBy={"ana": {}, "bo": {"page": "p-nothing"}})
    assert incident.status.escalation.state == "Waiting"
    assert kinds(incident)[-1] == "NoChange"
    assert (
        incident.status.timeline[-1].text
        == "bo took page p-nothing, and there is no such page; see status.pages"
    )


def test_the_command_that_a_page_prints_takes_the_incident_again_when_it_has_come_back():
    incident = passed(begun(**EXPIRING), "6m")
    incident.change(acknowledgedBy={"ana": {"page": incident.status.pages[-1].id}})
    assert phase(incident) == "Acknowledged"
    passed(incident, "31m")
    assert phase(incident) == "Triggered"
    again = acknowledge_command(incident.sent[-1].effect)
    page = re.search(r"YOU: \{page: (p-[0-9a-f]+)\}", again)
    assert page is not None
    incident.change(acknowledgedBy={"ana": {"page": page[1]}})
    assert phase(incident) == "Acknowledged"


@pytest.mark.feature("F22")
def test_without_an_update_for_30_minutes_the_phase_returns_and_paging_resumes_at_the_saved_level():
    incident = passed(begun(**EXPIRING), "6m")
    incident.change(**ACKNOWLEDGED)
    assert incident.status.escalation.level == "secondary"
    passed(incident, "29m59s")
    assert (phase(incident), len(paged(incident))) == ("Acknowledged", 2)
    passed(incident, "1s")
    assert phase(incident) == "Triggered"
    assert condition(incident, "Acknowledged").reason == "Expired"
    assert paged(incident)[2:] == [(36 * 60, "secondary", "backup")]
    assert incident.status.escalation.epoch == 2
    assert events(incident)[-1] == "AcknowledgementExpired"


@pytest.mark.feature("F22")
def test_any_posted_update_resets_the_clock_of_the_acknowledgement():
    incident = begun(**EXPIRING)
    incident.change(**ACKNOWLEDGED)
    passed(incident, "29m")
    posted(incident)
    passed(incident, "29m59s")
    assert phase(incident) == "Acknowledged"
    passed(incident, "1s")
    assert (phase(incident), paged(incident)[-1][0]) == ("Triggered", 59 * 60)


def test_an_acknowledgement_that_expired_while_nobody_looked_pages_and_says_late_by():
    incident = begun(**EXPIRING)
    incident.change(**ACKNOWLEDGED)
    incident.kill()
    passed(incident, "40m")
    incident.start()
    assert page_of(incident, "primary").late == "10m"


def test_an_acknowledgement_does_not_expire_while_the_incident_is_mitigated():
    incident = begun(**EXPIRING)
    said(incident, "Mitigated")
    passed(incident, "24h")
    assert (phase(incident), len(paged(incident))) == ("Mitigated", 1)


def test_reopening_from_mitigated_starts_the_clock_of_the_acknowledgement_anew():
    incident = begun(**EXPIRING)
    said(incident, "Mitigated")
    passed(incident, "2h")
    said(incident, "Open")
    assert (phase(incident), len(paged(incident))) == ("Acknowledged", 1)
    passed(incident, "29m59s")
    assert phase(incident) == "Acknowledged"
    passed(incident, "1s")
    assert phase(incident) == "Triggered"


def test_an_acknowledgement_expires_although_its_holder_asked_for_another_level_that_was_taken():
    incident = begun(**EXPIRING)
    incident.change(**ACKNOWLEDGED)
    escalates(incident)
    incident.change(acknowledgedBy={"ana": {}, "bo": {"page": page_of(incident, "secondary").id}})
    assert incident.status.escalation.state == "Stopped"
    passed(incident, "30m")
    assert phase(incident) == "Triggered"
    assert paged(incident)[-1][1] == "secondary"


def test_a_withdrawal_pages_the_level_where_it_stood_in_a_new_epoch():
    incident = passed(begun(), "6m")
    incident.change(**ACKNOWLEDGED)
    incident.change(acknowledgedBy=None)
    assert (phase(incident), incident.status.escalation.epoch) == ("Triggered", 2)
    assert condition(incident, "Acknowledged").reason == "Withdrawn"
    assert [level for _, level, _ in paged(incident)] == ["primary", "secondary", "secondary"]
    assert events(incident)[-1] == "AcknowledgementWithdrawn"
    assert incident.status.acknowledgements[0].withdrawn_time == incident.now


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(lambda i: None, id="in the same epoch"),
        pytest.param(escalates, id="after somebody escalated in between"),
    ],
)
def test_a_withdrawal_changes_nothing_while_somebody_else_holds_the_incident(between):
    incident = begun()
    incident.change(acknowledgedBy={"ana": {}, "bo": {}})
    between(incident)
    pages = len(paged(incident))
    incident.change(acknowledgedBy={"bo": {}})
    assert (phase(incident), len(paged(incident))) == ("Acknowledged", pages)
    assert kinds(incident)[-1] == "AcknowledgementWithdrawn"


def test_the_last_withdrawal_while_another_level_is_paged_only_moves_the_phase():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    escalates(incident)
    incident.change(acknowledgedBy=None)
    assert (phase(incident), incident.status.escalation.epoch) == ("Triggered", 2)
    assert len(paged(incident)) == 2


def test_every_withdrawal_is_in_the_timeline_under_its_own_name():
    incident = begun()
    incident.change(acknowledgedBy={"ana": {}, "bo": {}})
    incident.change(acknowledgedBy=None)
    withdrawn = [e for e in incident.status.timeline if e.kind == "AcknowledgementWithdrawn"]
    assert [entry.actor for entry in withdrawn] == ["ana", "bo"]


def test_an_entry_that_was_withdrawn_counts_again_when_it_is_written_again():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    incident.change(acknowledgedBy=None)
    incident.change(**ACKNOWLEDGED)
    assert (phase(incident), incident.status.escalation.state) == ("Acknowledged", "Stopped")


def test_a_second_acknowledgement_is_recorded_and_changes_nothing_else():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    passed(incident, "1m")
    incident.change(acknowledgedBy={"ana": {}, "bo": {"note": "me too"}})
    assert [(r.user, r.note, seconds(r.time)) for r in incident.status.acknowledgements] == [
        ("ana", "", 0),
        ("bo", "me too", 60),
    ]
    assert events(incident).count("Acknowledged") == 1
    assert incident.status.timeline[-1].text == "bo acknowledged: me too"
    assert seconds(incident.status.times.acknowledged_time) == 0


def test_an_acknowledgement_after_the_end_is_recorded_and_does_not_count_after_a_reopen():
    incident = begun()
    said(incident, "Resolved")
    incident.change(acknowledgedBy={"bo": {}})
    assert [(r.user, r.via) for r in incident.status.acknowledgements] == [
        ("ana", "state"),
        ("bo", "kubectl"),
    ]
    said(incident, "Open", "again")
    assert (phase(incident), len(paged(incident))) == ("Triggered", 2)


def test_who_mitigates_after_acknowledging_is_recorded_once():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    said(incident, "Mitigated")
    assert [(r.user, r.via) for r in incident.status.acknowledgements] == [("ana", "kubectl")]


def test_after_the_end_for_good_nothing_is_recorded():
    incident = begun()
    said(incident, "Cancelled")
    before = incident.status
    incident.change(acknowledgedBy={"bo": {}})
    assert incident.status.acknowledgements == before.acknowledgements


def test_the_oldest_records_that_stand_for_no_entry_are_dropped_first():
    incident = begun()
    for number in range(20):
        incident.change(acknowledgedBy={f"user-{number}-{i}": {} for i in range(3)})
    records = incident.status.acknowledgements
    assert len(records) == MAX_ACKNOWLEDGEMENTS
    assert {r.user for r in records if r.withdrawn_time is None} == {f"user-19-{i}" for i in range(3)}


def test_what_is_told_outside_follows_each_acknowledgement_once():
    incident = begun()
    incident.change(acknowledgedBy={"ana": {}, "bo": {}})
    assert len(told(incident, "acknowledge")) == 1


def test_a_withdrawal_while_the_incident_is_mitigated_is_recorded_and_pages_nobody():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    said(incident, "Mitigated")
    incident.change(acknowledgedBy=None)
    assert (phase(incident), len(paged(incident))) == ("Mitigated", 1)
    assert kinds(incident)[-1] == "AcknowledgementWithdrawn"


def test_a_withdrawal_where_nothing_was_ever_paged_begins_at_the_first_level():
    incident = begun(incident_class=None, spec={"mode": "Drill"})
    incident.change(**ACKNOWLEDGED)
    incident.alter(incident_class=incident_class())
    assert (phase(incident), incident.status.escalation.level) == ("Acknowledged", "")
    incident.change(acknowledgedBy=None)
    assert (phase(incident), incident.status.escalation.level) == ("Triggered", "primary")
