"""The rules of the delivery protocol (DESIGN §4) that live in the core, by their numbers.

Rules 3, 4, 7, 8, 14, 17 and parts of 5, 6, 16 and 18 live where things are done; rule 15 comes with channels.
`test_rules_matter.py` takes the rules away, and these tests fail.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import (
    KEYED,
    T0,
    UNKEYED,
    at,
    connections,
    incident,
    incident_class,
    observation,
    policy,
    seeing,
    target,
)
from tests.support.play import (
    ACKNOWLEDGED,
    BAD_KEY,
    ERROR,
    OK,
    REFUSED,
    TIMEOUT,
    begun,
    condition,
    effect_of,
    escalates,
    events,
    hops,
    keys,
    page_of,
    paged,
    passed,
    phase,
    said,
    told,
)
from tests.support.simulate import Answer, Cut, Simulation
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.abandon import resolves
from watchbill.core.decide import decide
from watchbill.core.effects import ConnectionKey, hop_of
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.record import record

PAGER = ConnectionKey("incident-platform", "operator-pager")
ALL_KEYED = connections(backup=KEYED, mail=KEYED)
ENDS = {
    "acknowledge": ACKNOWLEDGED,
    "resolve": {"state": "Resolved", "stateReason": "over"},
}


def cut_off(**facts):
    """An incident whose first page was sent, and whose process died before it could record that."""
    found = Simulation(observation(**facts))
    found.cut = Cut.AFTER_PERFORM
    found.react()
    assert found.stored == IncidentStatus()
    return found


@pytest.mark.parametrize("action", ENDS)
def test_rule_01_a_page_that_was_sent_and_never_recorded_is_closed(action):
    found = cut_off()
    found.observation = seeing(found.observation, **ENDS[action])
    found.start()
    assert [key for _, key in told(found, action)] == keys(found) == [hop_of(found.sent[0].effect).key]
    assert len(paged(found)) == 1


def test_rule_01_an_outcome_in_hand_is_folded_into_a_status_that_does_not_know_the_page():
    first = decide(observation(), T0)
    (effect,) = first.pages
    seen = seeing(observation(), **ACKNOWLEDGED)
    fresh = record(IncidentStatus(), [Outcome(effect, Result.OK, T0)], T0)
    after = decide(seeing(seen, status=fresh), T0)
    assert [(e.action, hop_of(e).key) for e in after.pages] == [("acknowledge", hop_of(effect).key)]
    assert after.status.pages[0].hops[0].state == "Accepted"


def test_rule_01_levels_that_were_due_by_now_under_the_recorded_status_are_closed_too():
    found = begun(connections=ALL_KEYED)
    stored = found.stored
    passed(found, "16m")
    found.kill()
    found.stored = stored
    found.observation = seeing(found.observation, **ACKNOWLEDGED)
    found.start()
    assert [level for _, level, _ in paged(found)] == ["primary", "secondary", "lastResort"]
    assert {key for _, key in told(found, "acknowledge")} == set(keys(found))


def test_rule_01_the_level_after_a_silent_one_was_due_as_well():
    found = begun({"pagerduty": TIMEOUT, "backup": TIMEOUT}, connections=ALL_KEYED)
    stored = found.stored
    passed(found, "31s")
    assert paged(found)[-1][1] == "secondary"
    found.kill()
    found.stored, found.answers = stored, {}
    found.observation = seeing(found.observation, **ACKNOWLEDGED)
    found.start()
    assert set(keys(found)) <= {key for _, key in told(found, "acknowledge")}


def test_rule_01_the_page_to_the_operators_own_connection_is_closed_too():
    found = cut_off(incident_class=None, connections={PAGER: KEYED}, last_resort=PAGER)
    found.observation = seeing(found.observation, **ACKNOWLEDGED)
    found.start()
    assert keys(found, "acknowledge") == keys(found)


def reopens(found):
    said(found, "Resolved")
    said(found, "Open", "again")


def acknowledges(found):
    found.change(**ACKNOWLEDGED)


def lets_it_expire(found):
    acknowledges(found)
    passed(found, "30m")


def withdraws(found):
    acknowledges(found)
    found.change(acknowledgedBy=None)


def snoozes(found):
    found.change(escalation={"snoozeUntilTime": at("+2h").isoformat()})
    passed(found, "2h")


CAUSES = {
    "a reopen": reopens,
    "the expiry of an acknowledgement": lets_it_expire,
    "the withdrawal of an acknowledgement": withdraws,
    "a rise of the severity": lambda found: found.change(severity="SEV-1"),
    "the adoption of a policy": lambda found: found.change(escalation={"adoptPolicy": True}),
    "a request to escalate": lambda found: escalates(found, toLevel="primary"),
    "the end of a snooze": snoozes,
}


def test_rule_01_a_page_taken_from_a_process_that_died_is_closed_though_its_repetition_was_refused():
    incident = Simulation(observation(), cut=Cut.AFTER_PERFORM)
    incident.react()
    taken = incident.sent[0].key
    assert incident.stored == IncidentStatus()
    incident.cut = None
    incident.answers["pagerduty"] = ERROR
    incident.start()
    passed(incident, "10s")
    assert incident.status.pages[0].hops[0].state == "Failed"
    incident.answers["pagerduty"] = OK
    incident.change(**ACKNOWLEDGED)
    assert (taken, "acknowledge") in [(sent.key, sent.effect.action) for sent in incident.sent]


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_rule_02_the_epoch_grows_by_one_and_the_page_gets_a_new_key_at(cause):
    found = begun(spec={"severity": "SEV-2"}, incident_class=incident_class(acknowledgementTimeout="30m"))
    cause(found)
    assert found.status.escalation.epoch == 2
    first, second = keys(found)
    assert first != second
    assert second.split("/")[1] == "2"
    assert paged(found)[-1][1] == "primary"


class Dying(Simulation):
    """An incident whose process dies between its second page and the record of it."""

    def react(self):
        before, pages = self.stored, len(paged(self))
        super().react()
        if pages == 1 and len(paged(self)) == 2:
            self.kill()
            self.stored = before
            self.start()


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_rule_02_the_key_is_the_same_after_a_crash_before_the_record_of(cause):
    class_ = incident_class(acknowledgementTimeout="30m")
    found = Dying(observation(incident("SEV-2"), incident_class=class_))
    found.react()
    cause(found)
    first, second, third = keys(found)
    assert first != second == third
    assert found.status.escalation.epoch == 2


def test_rule_05_the_first_page_of_an_epoch_needs_no_fresh_read_and_every_other_does():
    found = passed(begun({"pagerduty": ERROR}), "5m")
    escalates(found)
    marks = [(sent.effect.page.epoch, effect_of(sent).first_of_epoch) for sent in found.sent]
    assert marks[0] == (1, True)
    assert not any(first for _, first in marks[1:4])
    assert marks[-1] == (2, True)


def test_rule_06_without_the_api_server_the_round_ends_once_says_so_and_closes_on_return():
    repeating = policy(("a", "1m", [target("pagerduty")]), ("b", "1m", [target("backup")]), times=5)
    found = begun(policies={"primary": repeating})
    found.lose_sight()
    passed(found, "20m")
    assert [level for _, level, _ in paged(found)] == ["a", "b"]
    assert [effect_of(sent).unseen_since for sent in found.sent] == ["", "03:00"]
    found.change(**ACKNOWLEDGED)
    found.see_again()
    assert set(keys(found)) <= set(keys(found, "acknowledge"))


def test_rule_06_without_the_api_server_a_page_without_a_key_goes_once():
    only = policy(("only", "1h", [target("backup")]), last_resort="pagerduty")
    found = Simulation(observation(policies={"primary": only}), answers={"backup": TIMEOUT})
    found.lose_sight()
    passed(found, "10m")
    assert [connection for _, level, connection in paged(found) if level == "only"] == ["backup"]


def test_rule_09_a_foreign_claim_is_unknown_after_10_s_by_the_takers_clock_and_then_sent_as_repeated():
    found = Simulation(observation(policies={"primary": policy(("a", "5m", [target("backup")]))}))
    found.cut = Cut.AFTER_RECORD
    found.react()
    claimed = found.stored.pages[0].hops[0].claim
    found.now += timedelta(hours=-2)  # The clock of the one who takes over is behind by two hours.
    found.start()
    passed(found, "9s")
    assert found.sent == []
    passed(found, "1s")
    assert [(effect_of(sent).repeated, sent.by) for sent in found.sent] == [(True, "operator-2")]
    assert claimed is not None
    assert (claimed.by, claimed.time) == ("operator-1", T0)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ERROR, id="after errors"),
        pytest.param(TIMEOUT, id="after a timeout"),
        pytest.param(Answer(Result.RETRY, timedelta(minutes=10), "HTTP429"), id="after a rate limit"),
        pytest.param(Answer(Result.RETRY, timedelta(seconds=30), "Open"), id="after an open breaker"),
        pytest.param(BAD_KEY, id="after a refused credential"),
        pytest.param(REFUSED, id="after a refusal"),
    ],
)
def test_rule_10_the_next_hop_starts_at_most_20_s_after_due_and_no_other_once_one_accepted(answer):
    three = policy(("a", "1h", [target("pagerduty", "backup", "mail")]))
    found = passed(begun({"pagerduty": answer}, policies={"primary": three}, connections=ALL_KEYED), "30m")
    second = next(sent for sent in found.sent if sent.connection == "backup")
    assert second.time - T0 <= timedelta(seconds=20)
    assert "mail" not in [connection for _, _, connection in paged(found)]
    assert [hop.connection for hop in found.status.pages[0].hops] == ["pagerduty", "backup", "mail"]


def test_rule_10_a_hop_that_hangs_in_our_own_queue_does_not_hold_the_next_one_longer():
    first = decide(observation(), T0)
    flying = frozenset({(hop_of(first.pages[0]).key, "trigger")})
    later = decide(
        replace(seeing(observation(), status=first.status), in_flight=flying), T0 + timedelta(seconds=15)
    )
    assert [effect.hop for effect in later.pages] == [1]


@pytest.mark.parametrize("action", ENDS)
def test_rule_10_an_unknown_hop_counts_as_open(action):
    found = passed(begun({"pagerduty": TIMEOUT}, connections=ALL_KEYED), "11s")
    found.change(**ENDS[action])
    assert sorted(keys(found, action)) == sorted(keys(found))
    assert len(keys(found)) == 2


@pytest.mark.parametrize("result", [Result.OK, Result.UNKNOWN])
@pytest.mark.parametrize("action", ENDS)
def test_rule_11_a_page_that_arrives_after_its_end_was_told_is_closed_again(action, result):
    found = begun()
    late = found.sent[0].effect
    found.change(**ENDS[action])
    assert len(told(found, action)) == 1
    found.stored = record(found.stored, [Outcome(late, result, found.now)], found.now)
    found.start()
    assert told(found, action) == [(0, hop_of(late).key)] * 2


def test_rule_11_where_a_triggers_outcome_was_unknown_resolve_is_repeated_after_60_s_and_5_min():
    found = passed(begun({"pagerduty": TIMEOUT}), "10s")
    found.answers = {}
    said(found, "Resolved")
    passed(found, "1h")
    assert [at for at, key in told(found, "resolve") if key == keys(found)[0]] == [10, 70, 310]


def test_rule_12_a_credential_that_changed_before_the_end_is_said_with_what_to_close_by_hand():
    (effect,) = decide(observation(), T0).pages
    status = record(IncidentStatus(), [Outcome(effect, Result.OK, T0, credential="old")], T0)
    seen = seeing(observation(), status=status, **ENDS["resolve"])
    after = decide(seen, T0)
    told_ = record(after.status, [Outcome(after.pages[0], Result.OK, T0, credential="new")], T0)
    degraded = decide(seeing(seen, status=told_), T0).status.conditions[-1]
    assert (degraded.status, degraded.reason) == ("True", "CredentialChanged")
    assert degraded.message.startswith(f"close {hop_of(effect).key} by hand")


def test_rule_13_an_act_counts_once_in_the_epoch_in_which_its_value_was_first_seen():
    found = begun()
    acknowledges(found)
    escalates(found)
    reopens(found)
    epoch = found.status.escalation.epoch
    for _ in range(3):
        found.start()
        passed(found, "1m")
    assert (found.status.escalation.epoch, phase(found), found.status.reopen_count) == (
        epoch,
        "Triggered",
        1,
    )


def test_rule_13_what_resolved_an_incident_does_not_resolve_it_again_after_a_reopen():
    found = begun()
    said(found, "Resolved", "signals are clear")
    said(found, "Open", "they are not")
    for title in ("one", "two", "three"):
        found.change(title=title)
    assert (phase(found), found.status.reopen_count) == ("Triggered", 1)
    assert events(found).count("Resolved") == 1


def test_rule_16_status_holds_utc_with_milliseconds_rounded_up():
    found = begun()
    wish = {"snoozeUntilTime": "2026-03-09T06:00:00.000001+02:00"}
    found.change(escalation=wish)
    assert found.status.to_json()["escalation"]["snoozedUntilTime"] == "2026-03-09T04:00:00.001Z"
    passed(found, "1h")
    assert len(paged(found)) == 1


def test_rule_18_what_a_deleted_incident_has_open_is_resolved():
    found = passed(begun(), "6m")
    gone = resolves(seeing(found.observation, status=found.stored))
    assert [hop_of(effect).key for effect in gone] == keys(found)


def test_rule_19_keys_stay_the_same_when_targets_are_reordered_and_differ_where_a_connection_is_another():
    targets = [target("pagerduty"), target("backup"), target("mail")]
    orders = (targets, targets[::-1])
    one, other = (begun(policies={"primary": policy(("a", "5m", o))}, connections=ALL_KEYED) for o in orders)
    assert sorted(keys(one)) == sorted(keys(other))
    assert len(set(keys(one))) == 3
    seen = {key: replace(facts, uid=f"new-{key.name}") for key, facts in ALL_KEYED.items()}
    made_anew = begun(policies={"primary": policy(("a", "5m", targets))}, connections=seen)
    assert not set(keys(one)) & set(keys(made_anew))


def test_rule_20_a_level_that_nobody_accepted_within_30_s_opens_the_next_at_once():
    found = passed(begun({"pagerduty": TIMEOUT, "backup": TIMEOUT}), "30s")
    assert next(at for at, level, _ in paged(found) if level == "secondary") == 30


def test_rule_20_the_last_resort_repeats_every_15_min_until_acknowledged():
    found = passed(begun(), "41m")
    assert [at for at, level, _ in paged(found) if level == "lastResort"] == [600, 1500, 2400]
    acknowledges(found)
    assert len(paged(passed(found, "5h"))) == 5


def test_rule_20_a_last_resort_that_fails_is_followed_by_the_classs_default_escalation():
    found = passed(begun({"backup": REFUSED}), "9m")
    assert paged(found)[-1] == (300, "duty-manager", "all-hands")


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"incident_class": None}, id="without a class"),
        pytest.param({"policies": {}, "default_policy": None}, id="without a policy"),
    ],
)
def test_rule_20_the_operators_own_connection_is_paged_and_an_event_tells(facts):
    seen = dict(connections()) | {PAGER: UNKEYED}
    found = begun(connections=seen, last_resort=PAGER, **facts)
    assert paged(found) == [(0, "operatorLastResort", "operator-pager")]
    assert events(found)[:2] == ["NotPlanned", "EscalationExhausted"]


def test_rule_21_a_rise_plans_anew_and_a_fall_silences_nobody():
    found = begun(spec={"severity": "SEV-2"})
    found.change(severity="SEV-3")
    assert (found.status.escalation.epoch, len(paged(found))) == (1, 1)
    passed(found, "5m")
    assert paged(found)[-1][1] == "secondary"
    found.change(severity="SEV-1")
    assert found.status.escalation.epoch == 2
    assert paged(found)[-1] == (300, "primary", "pagerduty")


def test_rule_22_what_was_superseded_is_never_sent():
    found = begun({"pagerduty": ERROR})
    said(found, "Resolved")
    found.answers = {"pagerduty": OK}
    passed(found, "1h")
    assert len(paged(found)) == 1
    assert {page.state for page in found.status.pages} == {"Superseded"}


def test_rule_22_after_downtime_only_the_latest_due_level_runs_and_says_late_by():
    three = policy(*[(name, "5m", [target("pagerduty")]) for name in ("a", "b", "c")], last_resort="backup")
    found = begun(policies={"primary": three})
    found.kill()
    passed(found, "12m")
    found.start()
    assert paged(found)[1:] == [(720, "c", "pagerduty")]
    assert page_of(found, "c").late == "2m"
    assert [hop.state for hop in hops(found)] == ["Accepted", "Pending", "Accepted"]
    assert condition(found, "Degraded").status == "False"
