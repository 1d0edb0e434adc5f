"""The bounded, ordered record of what happened."""

from datetime import timedelta

import pytest

from tests.support.builders import T0
from tests.support.play import ACKNOWLEDGED, begun, passed, posted, said
from watchbill.api.incident_status import MAX_TIMELINE, IncidentStatus
from watchbill.core.texts import cut
from watchbill.core.timeline import appended


def noted(status, second, text="something"):
    return appended(status, "Kind", text, T0 + timedelta(seconds=second), "ana", "kubectl")


@pytest.mark.feature("F54.core")
def test_every_transition_page_acknowledgement_update_and_role_change_is_in_order_with_actor_and_source():
    incident = passed(begun(), "6m")
    incident.change(**ACKNOWLEDGED)
    posted(incident)
    passed(incident, "1m")
    said(incident, "Mitigated", "rolled back", by="bo")
    incident.change(roles={"commander": "cy"}, setBy={"declaration": "ana", "roles": "bo", "state": "bo"})
    said(incident, "Resolved", "stable", by="bo")
    said(incident, "Open", "not stable", by="cy")
    found = [(entry.kind, entry.actor, entry.source) for entry in incident.status.timeline]
    assert found == [
        ("Declared", "ana", "kubectl"),
        ("LevelOpened", "watchbill", "timer"),
        ("Paged", "watchbill", "page"),
        ("LevelOpened", "watchbill", "timer"),
        ("Overdue", "watchbill", "timer"),
        ("Paged", "watchbill", "page"),
        ("Acknowledged", "ana", "kubectl"),
        ("Role", "ana", "kubectl"),
        ("Updated", "bo", "update"),
        ("Mitigated", "bo", "kubectl"),
        ("Role", "bo", "kubectl"),
        ("Resolved", "bo", "kubectl"),
        ("Open", "cy", "kubectl"),
        ("LevelOpened", "watchbill", "timer"),
        ("Paged", "watchbill", "page"),
    ]
    times = [entry.time for entry in incident.status.timeline]
    assert times == sorted(times)


@pytest.mark.feature("F54.core")
def test_the_newest_entries_are_kept_and_the_dropped_ones_are_counted():
    incident = begun()
    for number in range(MAX_TIMELINE):
        posted(incident, f"update-{number:03}")
    assert len(incident.status.timeline) == MAX_TIMELINE
    assert incident.status.timeline_dropped == 3
    assert incident.status.timeline[-1].text == f"bo posted update-{MAX_TIMELINE - 1:03}"


def test_an_entry_is_never_earlier_than_the_one_before_it():
    status = noted(noted(IncidentStatus(), 10), 5)
    assert [entry.time for entry in status.timeline] == [T0 + timedelta(seconds=10)] * 2


def test_an_actor_is_always_named():
    assert appended(IncidentStatus(), "Kind", "text", T0, "", "timer").timeline[0].actor == "unknown"


def test_a_long_text_is_cut_with_a_mark():
    assert noted(IncidentStatus(), 0, "x" * 300).timeline[0].text == "x" * 255 + "…"


@pytest.mark.parametrize(("text", "expected"), [("abc", "abc"), ("abcd", "ab…"), ("", "")])
def test_a_text_is_cut_to_a_length(text, expected):
    assert cut(text, 3) == expected
