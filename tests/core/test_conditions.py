"""The conditions that follow from the rest of the status."""

from dataclasses import replace

import pytest

from tests.support.builders import KEYED, T0, connections, observation, policy, target
from tests.support.play import ACKNOWLEDGED, REFUSED, begun, condition, passed, said, seconds
from tests.support.simulate import Answer
from watchbill.api.incident_status import IncidentStatus
from watchbill.api.reasons import IncidentCondition, Reason
from watchbill.core.draft import Draft
from watchbill.core.outcomes import Result
from watchbill.core.transition import INITIAL, with_all_conditions, with_condition


def test_all_documented_conditions_are_present_after_the_first_decision():
    found = [each.type for each in begun().status.conditions]
    assert found == list(INITIAL) == [type_.value for type_ in IncidentCondition]


@pytest.mark.parametrize("state", ["Mitigated", "Resolved"])
def test_a_condition_that_came_true_stays_true_in_later_phases(state):
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    passed(incident, "1m")
    said(incident, state)
    held = condition(incident, "Acknowledged")
    assert (held.status, seconds(held.last_transition_time)) == ("True", 0)
    assert condition(incident, "Mitigated").status == "True"


def test_a_condition_changes_its_time_only_with_its_status():
    incident = passed(begun(), "6m")
    overdue = condition(incident, "Acknowledged")
    assert (overdue.reason, seconds(overdue.last_transition_time)) == ("Overdue", 0)
    incident.change(**ACKNOWLEDGED)
    assert seconds(condition(incident, "Acknowledged").last_transition_time) == 360


def test_every_condition_says_which_generation_it_is_about():
    incident = begun()
    incident.change(title="Checkout returns 502")
    assert {each.observed_generation for each in incident.status.conditions} == {2}
    assert incident.status.observed_generation == 2


def test_a_message_holds_no_control_character_that_a_person_typed():
    incident = begun()
    said(incident, "Resolved", reason="done\x1b[2J\u202e\nnow")
    assert (
        condition(incident, "Resolved").message == "ana said Resolved: done\N{REPLACEMENT CHARACTER}[2J now"
    )


def test_a_message_that_is_too_long_is_cut():
    draft = with_all_conditions(Draft(observation(), T0, IncidentStatus()))
    long = with_condition(draft, IncidentCondition.DEGRADED, True, Reason.CONSOLE_ONLY, "x" * 2000)
    assert len(long.status.conditions[-1].message) == 1024


def test_degraded_says_that_acknowledgements_cannot_be_seen_before_anything_else():
    incident = begun({"pagerduty": REFUSED})
    incident.lose_sight()
    degraded = condition(incident, "Degraded")
    assert degraded.reason == "APIServerUnreachable"
    assert degraded.message == "acknowledgements cannot be seen since 03:00 UTC"
    incident.see_again()
    assert condition(incident, "Degraded").reason == "ConnectionFailing"


def test_degraded_says_that_nobody_is_paged_where_no_connection_accepts():
    broken = policy(("a", "5m", [target("gone")]), last_resort="gone")
    incident = begun(policies={"primary": broken}, default_policy=None)
    degraded = condition(incident, "Degraded")
    assert (degraded.reason, degraded.message) == (
        "NobodyPaged",
        "no connection accepts a page: connection shop/gone is not there",
    )
    said(incident, "Resolved")
    assert condition(incident, "Degraded").status == "False"


def test_degraded_names_the_connection_that_refuses_where_nobody_is_paged():
    incident = begun({"pagerduty": REFUSED, "backup": REFUSED}, default_policy=None)
    assert condition(incident, "Degraded").message == (
        "no connection accepts a page: connection shop/pagerduty fails (HTTP400)"
    )


def test_degraded_names_what_is_missing_where_there_is_no_policy_to_walk():
    incident = begun(incident_class=None)
    assert condition(incident, "Degraded").message == (
        "no connection accepts a page: there is no policy to walk; see Accepted for what is missing"
    )


def test_degraded_says_that_a_console_wakes_nobody():
    seen = connections(pagerduty=replace(KEYED, real=False))
    incident = begun(connections=seen)
    assert condition(incident, "Degraded").reason == "ConsoleOnly"
    passed(incident, "5m")
    assert condition(incident, "Degraded").status == "False"


def test_a_drill_is_not_degraded_because_nothing_is_sent():
    incident = passed(begun(spec={"mode": "Drill"}), "1h")
    assert condition(incident, "Degraded").status == "False"


def test_a_connection_that_works_again_is_not_named_any_more():
    again = policy(("a", "1m", [target("pagerduty", "backup")]), times=3)
    incident = begun({"pagerduty": REFUSED}, policies={"primary": again})
    assert "shop/pagerduty fails (HTTP400)" in condition(incident, "Degraded").message
    incident.answers = {}
    passed(incident, "1m")
    assert condition(incident, "Degraded").status == "False"


def test_a_page_that_did_not_reach_all_of_its_recipients_is_degraded_until_the_next_one_does():
    again = policy(("a", "1m", [target("pagerduty")]), times=3)
    partial = Answer(Result.OK, reason="RecipientsRefused")
    incident = begun({"pagerduty": partial}, policies={"primary": again})
    degraded = condition(incident, "Degraded")
    assert (degraded.status, degraded.reason) == ("True", "ConnectionFailing")
    assert "connection shop/pagerduty fails (RecipientsRefused)" in degraded.message
    incident.answers = {}
    passed(incident, "1m")
    assert condition(incident, "Degraded").status == "False"


def test_escalation_is_not_exhausted_any_more_once_somebody_acknowledges():
    incident = passed(begun(), "10m")
    exhausted = condition(incident, "EscalationExhausted")
    assert (exhausted.status, exhausted.reason) == ("True", "NobodyAcknowledged")
    incident.change(**ACKNOWLEDGED)
    assert condition(incident, "EscalationExhausted").status == "False"


def test_who_gave_up_an_acknowledgement_in_time_is_not_called_overdue():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    passed(incident, "10m")
    incident.change(acknowledgedBy=None)
    assert condition(incident, "Acknowledged").reason == "Withdrawn"
