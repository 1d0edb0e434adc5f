"""Which level is open, who is paged there, and when the next one opens."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import UNKEYED as WEBHOOK
from tests.support.builders import connections, incident_class, observation, policy, target
from tests.support.play import (
    ACKNOWLEDGED,
    ERROR,
    OK,
    REFUSED,
    TIMEOUT,
    begun,
    condition,
    decided,
    effect_of,
    escalates,
    events,
    frozen,
    kinds,
    page_of,
    paged,
    passed,
    seconds,
    told,
)
from tests.support.simulate import Simulation
from watchbill.api.incident_status import EscalationStatus
from watchbill.core.effects import ConnectionKey
from watchbill.core.last_resort import LAST_RESORT_EVERY
from watchbill.core.texts import page_text

PAGER = ConnectionKey("incident-platform", "operator-pager")

THREE_LEVELS = policy(
    ("first", "5m", [target("pagerduty")]),
    ("second", "5m", [target("backup")]),
    ("third", "5m", [target("mail")]),
    last_resort="all",
)
THREE_CONNECTIONS = connections(mail=WEBHOOK, all=WEBHOOK)


@pytest.mark.feature("F18.core")
def test_three_levels_page_at_0_5_and_10_minutes_in_a_simulated_clock():
    incident = passed(begun(policies={"primary": THREE_LEVELS}, connections=THREE_CONNECTIONS), "14m")
    assert paged(incident) == [
        (0, "first", "pagerduty"),
        (300, "second", "backup"),
        (600, "third", "mail"),
    ]


def test_every_target_of_a_level_is_paged_at_once():
    both = policy(("first", "5m", [target("pagerduty"), target("backup")]))
    incident = begun(policies={"primary": both})
    assert paged(incident) == [(0, "first", "pagerduty"), (0, "first", "backup")]


@pytest.mark.feature("F19")
def test_repeat_times_2_pages_each_level_three_times_then_sets_exhausted_and_pages_the_last_resort():
    repeating = policy(
        ("first", "1m", [target("pagerduty")]),
        ("second", "1m", [target("backup")]),
        times=2,
        last_resort="all",
    )
    incident = passed(begun(policies={"primary": repeating}, connections=THREE_CONNECTIONS), "5m59s")
    levels = [(0, "first"), (60, "second"), (120, "first"), (180, "second"), (240, "first"), (300, "second")]
    assert [(at, level) for at, level, _ in paged(incident)] == levels
    assert condition(incident, "EscalationExhausted").status == "False"
    passed(incident, "1s")
    assert paged(incident)[6:] == [(360, "lastResort", "all")]
    assert condition(incident, "EscalationExhausted").status == "True"
    assert condition(incident, "EscalationExhausted").reason == "NobodyAcknowledged"
    assert events(incident)[-1] == "EscalationExhausted"


def test_the_last_resort_is_paged_every_15_minutes_under_a_new_key_until_somebody_acknowledges():
    incident = passed(begun(policies={"primary": policy(("only", "1m", [target("pagerduty")]))}), "31m")
    assert [at for at, level, _ in paged(incident) if level == "lastResort"] == [60, 960, 1860]
    assert len({sent.key for sent in incident.sent}) == 4
    incident.change(**ACKNOWLEDGED)
    assert len(paged(passed(incident, "24h"))) == 4
    assert condition(incident, "EscalationExhausted").status == "False"


@pytest.mark.feature("F23")
def test_a_level_where_nobody_can_be_reached_is_skipped_in_the_same_decision_and_that_is_recorded():
    broken = policy(("ghost", "5m", [target("gone")]), ("second", "5m", [target("backup")]))
    incident = begun(policies={"primary": broken})
    assert paged(incident) == [(0, "second", "backup")]
    (skipped,) = [entry for entry in incident.status.timeline if entry.kind == "LevelSkipped"]
    assert skipped.text == (
        "level ghost: nobody can be reached (connection shop/gone is not there); the next one opens at once"
    )


@pytest.mark.feature("F23")
def test_where_all_levels_are_empty_the_last_resort_is_paged_at_once():
    broken = policy(("ghost", "5m", [target("gone")]), ("other", "5m", [target("gone")]), times=2)
    incident = passed(begun(policies={"primary": broken}), "10s")
    assert paged(incident) == [(0, "lastResort", "backup")]
    assert kinds(incident).count("LevelSkipped") == 6


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"pages": False}, id="it cannot carry pages"),
        pytest.param({}, id="it is in another namespace and does not grant its use"),
    ],
)
def test_a_connection_that_cannot_be_used_counts_as_nobody(facts):
    namespace = "shop" if facts else "elsewhere"
    seen = dict(connections(pagerduty=WEBHOOK)) | {
        ConnectionKey(namespace, "other"): type(WEBHOOK)(uid="uid-other", **facts)
    }
    wanted = {"connectionRef": {"name": "other", "namespace": namespace}}
    incident = begun(policies={"primary": policy(("a", "5m", [wanted]))}, connections=seen)
    assert paged(incident) == [(0, "lastResort", "backup")]


def test_a_level_opens_the_next_at_once_when_every_connection_refused_its_page():
    incident = begun(
        {"pagerduty": REFUSED}, policies={"primary": THREE_LEVELS}, connections=THREE_CONNECTIONS
    )
    assert paged(incident) == [(0, "first", "pagerduty"), (0, "second", "backup")]
    assert incident.status.escalation.level == "second"


def test_the_time_of_a_level_that_opened_early_runs_from_when_it_opened():
    incident = begun(
        {"pagerduty": TIMEOUT}, policies={"primary": THREE_LEVELS}, connections=THREE_CONNECTIONS
    )
    passed(incident, "6m")
    assert [(at, level) for at, level, _ in paged(incident) if level != "first"] == [
        (30, "second"),
        (330, "third"),
    ]


def test_one_page_that_got_through_is_enough_for_a_level_to_have_its_time():
    both = policy(
        ("first", "5m", [target("pagerduty"), target("backup")]), ("second", "5m", [target("mail")])
    )
    incident = begun({"pagerduty": ERROR}, policies={"primary": both}, connections=THREE_CONNECTIONS)
    passed(incident, "4m59s")
    assert "second" not in [level for _, level, _ in paged(incident)]


def test_the_classs_default_policy_runs_when_the_last_resort_cannot_be_reached():
    incident = begun(policies={"primary": policy(("a", "5m", [target("gone")]), last_resort="gone")})
    assert paged(incident) == [(0, "duty-manager", "all-hands")]
    assert frozen(incident).namespace == "incident-platform"
    assert condition(incident, "Accepted").reason == "DefaultEscalation"
    assert "DefaultEscalation" in kinds(incident)


def test_the_operators_own_connection_is_paged_once_in_15_minutes_when_nothing_else_gets_through():
    broken = policy(("a", "1m", [target("pagerduty")]), last_resort="pagerduty")
    seen = dict(connections()) | {PAGER: WEBHOOK}
    incident = begun(
        {"pagerduty": REFUSED},
        policies={"primary": broken},
        default_policy=None,
        connections=seen,
        last_resort=PAGER,
    )
    passed(incident, "16m")
    operator = [at for at, level, _ in paged(incident) if level == "operatorLastResort"]
    assert operator == [0, 900]


def test_the_last_resort_is_tried_again_every_minute_while_nothing_gets_through():
    broken = policy(("a", "1m", [target("pagerduty")]), last_resort="pagerduty")
    incident = begun({"pagerduty": REFUSED}, policies={"primary": broken}, default_policy=None)
    passed(incident, "3m")
    assert [at for at, level, _ in paged(incident) if level == "lastResort"] == [0, 60, 120, 180]
    assert condition(incident, "Degraded").reason == "NobodyPaged"
    incident.answers["pagerduty"] = OK
    passed(incident, "17m")
    assert [at for at, level, _ in paged(incident) if level == "lastResort"][4:] == [240, 1140]
    assert condition(incident, "Degraded").status == "False"


def mended(ahead: int = 0, **facts: Any) -> Simulation:
    """An incident that paged nobody, and 20 s later a connection that is ready so many seconds from then."""
    walk = policy(("first", "5m", [target("pagerduty", "late")]), last_resort="gone")
    incident = begun({"pagerduty": REFUSED}, policies={"primary": walk}, default_policy=None)
    passed(incident, "20s")
    late = replace(WEBHOOK, ready_since=incident.now + timedelta(seconds=ahead), **facts)
    incident.alter(connections=connections(late=late))
    return incident


def test_the_levels_are_walked_anew_once_a_connection_of_theirs_can_be_used():
    incident = mended()
    assert paged(incident)[-1] == (20, "first", "late")
    assert incident.status.escalation.epoch == 2
    assert "WalkedAnew" in kinds(incident)
    assert condition(incident, "EscalationExhausted").status == "False"


def test_a_connection_that_cannot_be_used_all_the_same_starts_no_endless_walk():
    incident = passed(mended(pages=False), "10m")
    assert [at for at, _, _ in paged(incident)] == [0, 20]


def test_a_connection_that_is_ready_by_a_clock_ahead_of_ours_counts_when_that_moment_has_come():
    incident = mended(ahead=30)
    assert [at for at, _, _ in paged(incident)] == [0]
    assert (60, "first", "late") in paged(passed(incident, "1m"))


def test_who_is_paged_by_the_last_resort_is_not_paged_anew_because_of_a_connection():
    incident = begun({"pagerduty": REFUSED}, policies={"primary": policy(("a", "5m", [target("pagerduty")]))})
    assert paged(incident)[-1] == (0, "lastResort", "backup")
    again = replace(WEBHOOK, ready_since=incident.now + timedelta(seconds=1))
    incident.alter(connections=connections(pagerduty=again))
    assert len(paged(passed(incident, "5m"))) == 2


def test_a_last_resort_that_stays_silent_for_30_s_is_not_waited_for():
    silent = policy(("a", "1s", [target("pagerduty")]), last_resort="pagerduty")
    incident = passed(begun({"pagerduty": TIMEOUT}, policies={"primary": silent}), "32s")
    assert paged(incident)[-1] == (31, "duty-manager", "all-hands")


def test_in_a_drill_levels_open_and_nothing_is_sent():
    incident = passed(begun(spec={"mode": "Drill"}), "1h")
    assert incident.sent == []
    assert kinds(incident).count("LevelOpened") == 2
    assert condition(incident, "EscalationExhausted").status == "True"
    incident.change(**ACKNOWLEDGED)
    assert incident.sent == []


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda incident: None, id="when it is recorded"),
        pytest.param(escalates, id="when somebody escalates"),
        pytest.param(lambda i: i.change(severity="SEV-1"), id="when its severity rises"),
        pytest.param(lambda i: i.change(escalation={"adoptPolicy": True}), id="when the policy is adopted"),
        pytest.param(
            lambda i: (
                i.change(state="Resolved", stateReason="then"),
                i.change(state="Open", stateReason="again"),
            ),
            id="when it is reopened",
        ),
    ],
)
def test_an_incident_of_the_past_pages_nobody(act):
    incident = begun(spec={"mode": "Backfill", "severity": "SEV-3"})
    act(incident)
    passed(incident, "24h")
    assert (incident.sent, incident.status.pages) == ([], ())
    assert incident.status.escalation == EscalationStatus(state=incident.status.escalation.state)


def test_while_the_api_server_is_gone_the_round_ends_and_no_other_begins():
    two = policy(("a", "1m", [target("pagerduty")]), ("b", "1m", [target("backup")]), times=2)
    incident = begun(policies={"primary": two})
    incident.lose_sight()
    passed(incident, "30m")
    assert [level for _, level, _ in paged(incident)] == ["a", "b"]
    assert effect_of(incident.sent[-1]).unseen_since == "03:00"
    assert "acknowledgements cannot be seen since 03:00 UTC" in page_text(incident.sent[-1].effect)
    incident.see_again()
    assert paged(incident)[-1] == (1800, "lastResort", "backup")


def test_while_the_api_server_is_gone_the_last_resort_is_paged_once():
    incident = begun(policies={"primary": policy(("a", "1m", [target("pagerduty")]))})
    incident.lose_sight()
    passed(incident, "2h")
    assert [level for _, level, _ in paged(incident)] == ["a", "lastResort"]


def test_while_the_api_server_is_gone_and_there_is_no_policy_the_operator_is_paged_once():
    seen = dict(connections()) | {PAGER: WEBHOOK}
    incident = begun(incident_class=None, connections=seen, last_resort=PAGER)
    incident.lose_sight()
    passed(incident, "2h")
    assert paged(incident) == [(0, "operatorLastResort", "operator-pager")]


def test_what_was_acknowledged_while_nobody_could_see_it_is_closed_on_return():
    incident = begun()
    incident.lose_sight()
    passed(incident, "7m")
    incident.change(**ACKNOWLEDGED)
    assert told(incident, "acknowledge") == []
    incident.see_again()
    assert {key for _, key in told(incident, "acknowledge")} == {sent.key for sent in incident.sent}


def test_levels_that_were_due_while_nobody_looked_are_skipped_and_the_latest_says_late_by():
    incident = begun(policies={"primary": THREE_LEVELS}, connections=THREE_CONNECTIONS)
    incident.kill()
    passed(incident, "11m")
    incident.start()
    assert paged(incident)[1:] == [(660, "third", "mail")]
    assert page_of(incident, "third").late == "1m"
    assert "This page is late by 1m: it was due at 03:10 UTC." in page_text(incident.sent[-1].effect)
    assert "LevelMissed" in kinds(incident)
    assert seconds(incident.status.escalation.next_time) == 660 + 300


def test_after_a_long_absence_only_the_last_resort_is_paged():
    incident = begun(policies={"primary": THREE_LEVELS}, connections=THREE_CONNECTIONS)
    incident.kill()
    passed(incident, "3h")
    incident.start()
    assert paged(incident)[1:] == [(10800, "lastResort", "all")]
    assert page_of(incident, "lastResort").late == "2h45m"


@pytest.mark.parametrize(
    ("away", "late"),
    [
        pytest.param("10m", "10m", id="an incident that was created while nobody looked says late by"),
        pytest.param("4s", "", id="a few seconds are not late"),
    ],
)
def test_the_first_page_is_due_when_the_incident_is_created(away, late):
    incident = Simulation(observation())
    incident.kill()
    passed(incident, away)
    incident.start()
    assert [page.late for page in incident.status.pages] == [late]
    assert paged(incident)[0][1] == "primary"


def test_a_level_that_opens_says_so_in_an_event_and_the_first_is_told_by_triggered():
    incident = passed(begun(), "5m")
    assert events(incident) == ["Triggered", "LevelOpened", "Overdue"]


def test_without_a_policy_a_decision_on_a_waiting_status_still_reaches_somebody():
    incident = begun(incident_class=None, last_resort=PAGER, connections={PAGER: WEBHOOK})
    assert incident.status.escalation.state == "Exhausted"
    at = incident.stored.escalation.model_copy(update={"state": "Waiting"})
    incident.stored = incident.stored.model_copy(update={"escalation": at})
    incident.observation = observation(
        incident.observation.incident, incident_class=None, connections={PAGER: WEBHOOK}, last_resort=PAGER
    )
    later = decided(incident, after=LAST_RESORT_EVERY)
    assert later.status.escalation.state == "Exhausted"
    assert later.status.escalation.last_resort_count == 2


@pytest.mark.parametrize(
    ("lost", "opens"),
    [
        ({"next_time": None}, 300),
        ({"next_time": None, "opened_time": None}, 60),
        ({"next_time": None, "level": "of-another-version"}, 360),
    ],
    ids=["the time of the next level", "when the level opened", "which level is open"],
)
def test_the_next_level_opens_also_where_another_version_left_out(lost, opens):
    incident = passed(begun(), "1m")
    status = incident.status
    incident.stored = status.model_copy(update={"escalation": status.escalation.model_copy(update=lost)})
    incident.start()
    passed(incident, "5m")
    assert paged(incident)[:2] == [(0, "primary", "pagerduty"), (opens, "secondary", "backup")]


def test_a_policy_that_names_the_default_one_as_its_own_does_not_run_twice():
    own = policy(("a", "5m", [target("gone")]), last_resort="gone")
    incident = begun(policies={"primary": own}, default_policy=own, incident_class=incident_class())
    assert incident.status.escalation.epoch == 1
    assert condition(incident, "Degraded").reason == "NobodyPaged"


def test_a_last_resort_that_fails_over_and_over_does_not_push_all_else_out_of_the_timeline():
    broken = policy(("a", "1m", [target("pagerduty")]), last_resort="pagerduty")
    seen = dict(connections()) | {PAGER: WEBHOOK}
    incident = begun(
        {"pagerduty": REFUSED, "operator-pager": ERROR},
        policies={"primary": broken},
        default_policy=None,
        connections=seen,
        last_resort=PAGER,
    )
    passed(incident, "40m")
    assert kinds(incident)[0] == "Declared"
    assert incident.status.timeline_dropped == 0
    assert (
        kinds(incident).count("OperatorLastResort") == 3
    )  # At first, after Overdue and after UpdateOverdue.
