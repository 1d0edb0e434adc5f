"""What people ask for by writing spec: each present value counts once."""

import pytest

from tests.support.builders import UNKEYED as WEBHOOK
from tests.support.builders import at, connections, observation, policy, target
from tests.support.play import (
    ACKNOWLEDGED,
    begun,
    condition,
    escalates,
    events,
    frozen,
    keys,
    kinds,
    page_of,
    paged,
    passed,
    phase,
    said,
    seconds,
)
from watchbill.api.incident_class import IncidentClass
from watchbill.core.effects import ConnectionKey
from watchbill.core.observation import ConnectionFacts

CHAT = {"name": "slack", "namespace": "incident-platform"}
SLACK = ConnectionFacts("uid-slack", allowed_classes=("service",), pages=False, channels=True)
EVERYBODY = dict(observation().connections) | dict(connections(all=WEBHOOK))
EVERYBODY |= {ConnectionKey(CHAT["namespace"], CHAT["name"]): SLACK}
PAGING_ALL = policy(("everyone", "5m", [target("all")]), last_resort="all", name="urgent")
BY_SEVERITY = {
    "incident_class": IncidentClass.model_validate(
        {
            "metadata": {"name": "service", "uid": "class-uid"},
            "spec": {
                "severities": [
                    {
                        "name": f"SEV-{rank}",
                        "rank": rank,
                        "acknowledgeWithin": f"{rank * 5}m",
                        "updateEvery": f"{rank * 15}m",
                        "escalation": {"policyName": name},
                        **({"response": {"channel": {"connectionRef": CHAT}}} if rank == 1 else {}),
                    }
                    for rank, name in ((1, "urgent"), (2, "primary"), (3, "primary"))
                ],
                "defaultEscalation": {"policyRef": {"name": "all-hands", "namespace": "incident-platform"}},
            },
        }
    ),
    "policies": {"primary": policy(), "urgent": PAGING_ALL},
    "connections": EVERYBODY,
}


def raised(incident, severity="SEV-1"):
    incident.change(severity=severity, setBy={"declaration": "ana", "severity": "bo"})


@pytest.mark.feature("F15.core")
def test_a_rise_pages_its_targets_at_once_adds_the_channel_tightens_deadlines_and_removes_nobody():
    incident = begun(spec={"severity": "SEV-3", "roles": {"commander": "ana"}}, **BY_SEVERITY)
    passed(incident, "1m")
    assert incident.chat.rooms == {}
    before, roles = incident.status.deadlines, incident.status.roles
    raised(incident)
    assert paged(incident)[1:] == [(60, "everyone", "all")]
    after = incident.status.deadlines
    assert (seconds(before.acknowledge_time), seconds(after.acknowledge_time)) == (900, 300)
    assert (seconds(before.update_time), seconds(after.update_time)) == (2700, 900)
    assert incident.status.roles == roles
    assert page_of(incident, "primary").hops[0].closing is None
    (room,) = incident.chat.rooms.values()
    assert "bo changed severity from SEV-3 to SEV-1" in room.text
    (entry,) = [entry for entry in incident.status.timeline if entry.kind == "SeverityChanged"]
    assert (entry.actor, entry.text) == ("bo", "bo changed severity from SEV-3 to SEV-1")


def test_a_rise_pages_also_when_somebody_has_acknowledged_and_the_phase_stays():
    incident = begun(spec={"severity": "SEV-3"}, **BY_SEVERITY)
    incident.change(**ACKNOWLEDGED)
    raised(incident)
    assert paged(incident)[-1][1] == "everyone"
    assert (phase(incident), incident.status.escalation.epoch) == ("Acknowledged", 2)


def test_a_fall_keeps_what_runs():
    incident = begun(spec={"severity": "SEV-1"}, **BY_SEVERITY)
    raised(incident, "SEV-3")
    assert (incident.status.escalation.epoch, incident.status.severity) == (1, "SEV-3")
    passed(incident, "5m")
    assert [level for _, level, _ in paged(incident)] == ["everyone", "lastResort"]
    assert condition(incident, "Accepted").message == "class service, policy shop/urgent"


@pytest.mark.parametrize("state", ["Resolved", "Cancelled"])
def test_a_rise_after_the_end_pages_nobody(state):
    incident = begun(spec={"severity": "SEV-3"}, **BY_SEVERITY)
    said(incident, state)
    raised(incident)
    assert len(paged(incident)) == 1


def test_a_rise_to_a_severity_whose_policy_is_gone_starts_the_old_one_anew():
    facts = BY_SEVERITY | {"policies": {"primary": policy()}, "default_policy": None}
    incident = begun(spec={"severity": "SEV-3"}, **facts)
    raised(incident)
    assert [level for _, level, _ in paged(incident)] == ["primary", "primary"]
    assert condition(incident, "Accepted").reason == "Planned"


def test_a_rise_to_a_severity_whose_policy_is_gone_takes_the_default_and_says_so():
    incident = begun(spec={"severity": "SEV-3"}, **BY_SEVERITY | {"policies": {"primary": policy()}})
    raised(incident)
    assert paged(incident)[-1][1] == "duty-manager"
    assert condition(incident, "Accepted").reason == "DefaultEscalation"


def test_escalation_without_a_level_opens_the_next_one_and_says_who_and_why():
    incident = begun()
    escalates(incident, "it is getting worse")
    assert [level for _, level, _ in paged(incident)] == ["primary", "secondary"]
    (entry,) = [entry for entry in incident.status.timeline if entry.kind == "Escalated"]
    assert (entry.actor, entry.text) == ("ana", "ana asked for the next level: it is getting worse")
    assert incident.status.escalation.epoch == 2


@pytest.mark.parametrize(
    ("asked", "opened"),
    [
        pytest.param("primary", "primary", id="the level that is open already"),
        pytest.param("nowhere", "secondary", id="the next level where the policy has none of that name"),
    ],
)
def test_escalation_to_a_level_opens(asked, opened):
    incident = begun()
    escalates(incident, toLevel=asked)
    assert paged(incident)[-1][1] == opened


def test_escalation_beyond_the_last_level_pages_the_last_resort_and_again_when_asked_again():
    incident = begun()
    for reason in ("one", "two", "three"):
        escalates(incident, reason)
    assert [level for _, level, _ in paged(incident)] == ["primary", "secondary", "lastResort", "lastResort"]
    assert len(set(keys(incident))) == 4


def test_a_request_counts_once():
    incident = begun()
    escalates(incident)
    incident.react()
    incident.start()
    assert incident.status.escalation.epoch == 2
    incident.change(escalation=None)
    assert incident.status.escalation.epoch == 2


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(escalates, id="a request"),
        pytest.param(lambda i: i.change(escalation={"adoptPolicy": True}), id="the adoption of a policy"),
        pytest.param(
            lambda i: i.change(escalation={"snoozeUntilTime": at("+2h").isoformat()}), id="a snooze"
        ),
    ],
)
@pytest.mark.parametrize("state", ["Resolved", "Cancelled"])
def test_what_is_asked_of_an_escalation_after_the_end_does_nothing_then_or_later(act, state):
    incident = begun()
    said(incident, state)
    act(incident)
    assert len(paged(incident)) == 1
    assert incident.status.escalation.epoch == 1


def test_a_request_while_there_is_no_policy_does_nothing():
    incident = begun(incident_class=None)
    escalates(incident)
    assert paged(incident) == []
    assert incident.status.escalation.epoch == 1


@pytest.mark.feature("F24")
@pytest.mark.parametrize(
    "policies",
    [
        pytest.param({"primary": PAGING_ALL}, id="when the policy is edited"),
        pytest.param({}, id="when the policy is deleted"),
    ],
)
def test_nothing_changes_in_a_running_incident_until_the_policy_is_adopted(policies):
    incident = begun(connections=EVERYBODY)
    hash_ = frozen(incident).hash
    assert len(hash_) == 16
    incident.alter(policies=policies)
    passed(incident, "5m")
    assert [level for _, level, _ in paged(incident)] == ["primary", "secondary"]
    assert frozen(incident).hash == hash_
    incident.change(escalation={"adoptPolicy": True}, setBy={"declaration": "ana", "escalation": "cy"})
    assert frozen(incident).hash != hash_
    assert paged(incident)[-1][1] == ("everyone" if policies else "duty-manager")
    assert incident.status.escalation.epoch == 2


def test_a_policy_that_is_not_there_cannot_be_adopted_and_that_is_said():
    incident = begun(default_policy=None)
    incident.alter(policies={})
    incident.change(escalation={"adoptPolicy": True})
    assert incident.status.timeline[-1].text == "unknown asked for the policy, and there is none"
    assert frozen(incident).name == "primary"


def test_a_policy_is_adopted_again_only_after_the_wish_was_taken_back():
    incident = begun()
    for wish in ({"adoptPolicy": True}, {"adoptPolicy": True, "request": None}, {"adoptPolicy": False}):
        incident.change(escalation=wish)
    assert incident.status.escalation.epoch == 2
    incident.change(escalation={"adoptPolicy": True})
    assert incident.status.escalation.epoch == 3


def snoozes(incident, until):
    wish = {"snoozeUntilTime": until} if until else None
    incident.change(escalation=wish, setBy={"declaration": "ana", "escalation": "bo"})


def test_a_snooze_silences_until_its_time_and_then_pages_the_same_level_in_a_new_epoch():
    incident = passed(begun(), "1m")
    snoozes(incident, "2026-03-09T05:00:00.0001+01:00")
    assert incident.status.timeline[-1].text == "bo silenced paging until 2026-03-09 04:00 UTC"
    assert incident.status.escalation.snoozed_until_time == at("+1h") + (at("+1ms") - at("+0s"))
    passed(incident, "59m")
    assert len(paged(incident)) == 1
    passed(incident, "1s")
    assert paged(incident)[1:] == [(3600, "primary", "pagerduty")]
    assert incident.status.escalation.epoch == 2
    assert events(incident)[-1] == "SnoozeEnded"


def test_a_snooze_lasts_for_a_day_at_most():
    incident = begun()
    snoozes(incident, "2030-01-01T00:00:00Z")
    assert incident.status.escalation.next_time == at("+24h")


@pytest.mark.parametrize(
    "until",
    [
        pytest.param(None, id="when it is taken back"),
        pytest.param("2026-03-09T02:00:00Z", id="when it is set to the past"),
    ],
)
def test_a_snooze_ends_at_once(until):
    incident = begun()
    snoozes(incident, at("+2h").isoformat())
    snoozes(incident, until)
    assert incident.status.escalation.state == "Waiting"
    assert incident.status.timeline[-2].text == "level primary opened (round 1)"
    assert len(paged(incident)) == 2


def test_a_snooze_can_be_made_longer():
    incident = begun()
    snoozes(incident, at("+1h").isoformat())
    snoozes(incident, at("+2h").isoformat())
    passed(incident, "119m")
    assert len(paged(incident)) == 1


def test_a_snooze_of_an_exhausted_escalation_ends_in_the_last_resort():
    incident = passed(begun(), "11m")
    snoozes(incident, at("+1h").isoformat())
    passed(incident, "48m59s")
    assert len(paged(incident)) == 3
    passed(incident, "1s")
    assert paged(incident)[-1] == (3600, "lastResort", "backup")


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(lambda i: i.change(**ACKNOWLEDGED), id="after an acknowledgement"),
        pytest.param(lambda i: said(i, "Resolved"), id="after the end"),
    ],
)
def test_a_snooze_where_nobody_is_paged_does_nothing(before):
    incident = begun()
    before(incident)
    snoozes(incident, at("+1h").isoformat())
    assert incident.status.escalation.state == "Stopped"
    assert "Snoozed" not in kinds(incident)


def test_who_acknowledges_during_a_snooze_holds_the_incident():
    incident = begun()
    snoozes(incident, at("+1h").isoformat())
    incident.change(**ACKNOWLEDGED)
    passed(incident, "2h")
    assert (phase(incident), len(paged(incident))) == ("Acknowledged", 1)
    assert incident.status.escalation.snoozed_until_time is None


def test_a_snooze_that_ended_while_nobody_looked_pages_and_says_late_by():
    incident = begun()
    snoozes(incident, at("+1h").isoformat())
    incident.kill()
    passed(incident, "70m")
    incident.start()
    assert page_of(incident, "primary").late == "10m"


def test_a_pair_of_state_and_reason_counts_once_and_another_reason_is_another_act():
    incident = begun()
    said(incident, "Resolved", "fixed")
    said(incident, "Open", "not fixed")
    epoch = incident.status.escalation.epoch
    said(incident, "Open", "still not fixed")
    assert (phase(incident), incident.status.escalation.epoch, incident.status.reopen_count) == (
        "Triggered",
        epoch,
        1,
    )
    said(incident, "Resolved", "fixed")
    assert phase(incident) == "Resolved"


def test_a_state_that_is_taken_back_changes_nothing():
    incident = begun()
    said(incident, "Resolved")
    incident.change(state=None, stateReason=None)
    assert (phase(incident), incident.status.acts.state) == ("Resolved", "")


def test_a_state_that_the_phase_does_not_allow_changes_nothing():
    incident = begun()
    said(incident, "Resolved")
    said(incident, "Mitigated")
    assert phase(incident) == "Resolved"


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        pytest.param([("5m", "Mitigated"), ("1m", "Resolved")], (300, 360), id="mitigated first"),
        pytest.param([("5m", "Resolved")], (300, 300), id="resolved without being mitigated"),
        pytest.param(
            [("5m", "Resolved"), ("5m", "Open"), ("5m", "Resolved")],
            (900, 900),
            id="resolved again after a reopen",
        ),
        pytest.param(
            [("5m", "Mitigated"), ("5m", "Open"), ("5m", "Resolved")],
            (900, 900),
            id="resolved after a regression",
        ),
    ],
)
def test_the_times_say_when_the_harm_was_last_said_to_have_stopped_and_when_it_ended(acts, expected):
    incident = begun()
    for number, (wait, state) in enumerate(acts):
        passed(incident, wait)
        said(incident, state, f"reason {number}")
    times = incident.status.times
    assert (seconds(times.mitigated_time), seconds(times.resolved_time)) == expected


def test_cancelling_says_who_and_why_and_ends_everything():
    incident = begun()
    said(incident, "Cancelled", "false alarm", by="cy")
    assert phase(incident) == "Cancelled"
    assert condition(incident, "Closed").message == "cy said Cancelled: false alarm"
    assert seconds(incident.status.times.closed_time) == 0
    assert incident.status.escalation.state == "Stopped"


def test_the_author_is_unknown_where_nobody_says_who():
    incident = begun(spec={"setBy": None}, **BY_SEVERITY)
    incident.change(state="Mitigated")
    incident.change(severity="SEV-3")
    assert [
        entry.actor for entry in incident.status.timeline if entry.kind in ("Mitigated", "SeverityChanged")
    ] == [
        "unknown",
        "unknown",
    ]


def test_an_incident_that_is_created_as_resolved_never_pages():
    incident = begun(spec={"state": "Resolved", "stateReason": "over already"})
    assert (phase(incident), paged(incident)) == ("Resolved", [])


def test_a_change_of_severity_while_the_policy_is_missing_pages_the_operators_connection_anew_on_a_rise():
    pager = ConnectionKey("shop", "pagerduty")
    incident = begun(spec={"severity": "SEV-2"}, policies={}, default_policy=None, last_resort=pager)
    incident.change(severity="SEV-3")
    assert (len(paged(incident)), incident.status.severity) == (1, "SEV-3")
    incident.change(severity="SEV-1")
    assert [level for _, level, _ in paged(incident)] == ["operatorLastResort"] * 2
    assert condition(incident, "Accepted").status == "False"
