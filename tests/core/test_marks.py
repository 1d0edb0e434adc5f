"""A run that marks the incident as Mitigated, and has worked, moves it there once."""

import pytest

from tests.core.mitigating import run, sees
from tests.support.builders import T0
from tests.support.play import ACKNOWLEDGED, begun, condition, events, kinds, paged, passed, phase, said


@pytest.mark.feature("F48")
@pytest.mark.parametrize("spec", [{}, ACKNOWLEDGED], ids=["before anybody acknowledged", "after that"])
def test_a_run_that_has_worked_moves_the_phase_and_who_ran_it_holds_the_incident(spec):
    told = begun()
    if spec:
        told.change(**spec)
    passed(told, "1m")
    sees(told, run(mitigated=told.now))
    assert phase(told) == "Mitigated"
    assert condition(told, "Mitigated").reason == "ByRun"
    assert told.status.times.mitigated_time == told.now
    assert told.status.escalation.state == "Stopped"
    (entry,) = [each for each in told.status.timeline if each.kind == "Mitigated"]
    assert (entry.actor, entry.source) == ("ana", "runbook")
    assert "run run-1 of runbook book" in entry.text
    assert events(told).count("Mitigated") == 1
    before = len(paged(told))
    passed(told, "30m")
    assert len(paged(told)) == before


def test_a_run_without_a_mark_or_of_another_incident_of_that_name_moves_nothing():
    told = begun()
    sees(told, run(), run("run-2", incident_uid="another", mitigated=T0))
    assert phase(told) == "Triggered"


def test_a_later_reopen_is_not_undone_by_an_old_mark_and_is_by_a_newer_one():
    told = begun()
    sees(told, run(mitigated=told.now))
    passed(told, "1m")
    said(told, "Open")
    assert phase(told) == "Acknowledged"
    passed(told, "1m")
    assert (phase(told), kinds(told).count("Mitigated")) == ("Acknowledged", 1)
    sees(told, run(mitigated=T0), run("run-2", mitigated=told.now))
    assert (phase(told), kinds(told).count("Mitigated")) == ("Mitigated", 2)


def test_a_mark_after_the_incident_was_resolved_or_called_off_changes_nothing():
    for state in ("Resolved", "Cancelled"):
        told = begun()
        said(told, state)
        sees(told, run(mitigated=told.now))
        assert (phase(told), "Mitigated" in kinds(told)) == (state, False)


def test_a_run_behind_which_nobody_stands_keeps_nobody_from_being_paged():
    told = begun()
    sees(told, run(by_itself=True, person="", mitigated=told.now))
    assert phase(told) == "Triggered"
    passed(told, "5m")
    assert [level for _, level, _ in paged(told)] == ["primary", "secondary"]
    told.change(**ACKNOWLEDGED)
    assert phase(told) == "Mitigated"
    (entry,) = [each for each in told.status.timeline if each.kind == "Mitigated"]
    assert entry.actor == "watchbill"


def test_a_mark_is_counted_by_whoever_takes_over_after_a_crash():
    told = begun()
    told.kill()
    told.alter()
    sees(told, run(mitigated=told.now))
    told.start()
    assert (phase(told), kinds(told).count("Mitigated")) == ("Mitigated", 1)
