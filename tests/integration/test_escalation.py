"""Escalation, fallback and people, against the real API server in seconds."""

from datetime import datetime

import pytest

from dev.operator_process import OperatorProcess
from dev.receiver import Reaction, Receiver
from tests.support.builders import target
from tests.support.team import Team, condition

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]


@pytest.mark.feature("F18.core")
def test_levels_page_on_time_through_several_targets(team: Team):
    team.connection("second-pager", webhook={"url": f"{team.receiver.url}/{team.namespace}/second"})
    team.policy(
        ("first", "2s", [target("pagerduty")]),
        ("second", "2s", [target("backup-pager"), target("second-pager")]),
        ("third", "30s", [target("pagerduty")]),
    )
    team.severities()
    team.declare()
    seen = team.receiver
    first = seen.wait_for(lambda r: r.requests_to("/v2/enqueue"))[0]
    both = [
        seen.wait_for(lambda r: r.requests_to(f"/{team.namespace}/backup"), timeout=10)[0],
        seen.wait_for(lambda r: r.requests_to(f"/{team.namespace}/second"), timeout=10)[0],
    ]
    third = seen.wait_for(lambda r: r.requests_to("/v2/enqueue")[1:], timeout=10)[0]
    opened = datetime.fromisoformat(team.incident()["status"]["pages"][0]["dueTime"])
    after = [(request.time - opened).total_seconds() for request in (*both, third)]
    assert all(1.99 <= seconds <= 4.5 for seconds in after[:2])
    assert 3.99 <= after[2] <= 6.5
    keys = {first.json["dedup_key"], third.json["dedup_key"], *(r.json["data"]["key"] for r in both)}
    assert len(keys) == 4
    assert all(key.startswith(team.incident()["metadata"]["uid"]) for key in keys)


@pytest.mark.feature("F19")
def test_every_level_is_paged_three_times_then_the_last_resort(team: Team):
    team.connection("last", webhook={"url": f"{team.receiver.url}/{team.namespace}/last"})
    team.policy(
        ("first", "1s", [target("pagerduty")]),
        ("second", "1s", [target("backup-pager")]),
        times=2,
        last_resort="last",
    )
    team.severities()
    team.declare()
    team.receiver.wait_for(lambda r: r.requests_to(f"/{team.namespace}/last"), timeout=20)
    assert len(team.receiver.requests_to("/v2/enqueue")) == 3
    assert len(team.receiver.requests_to(f"/{team.namespace}/backup")) == 3
    incident = team.wait_for(
        lambda i: i if condition(i, "EscalationExhausted").get("status") == "True" else None
    )
    assert incident["status"]["escalation"]["level"] == "lastResort"


@pytest.mark.feature("F21")
def test_an_acknowledgement_stops_all_further_pages(team: Team):
    team.policy(("first", "2s", [target("pagerduty")]), ("second", "2s", [target("backup-pager")]), times=3)
    team.severities()
    team.declare()
    team.receiver.wait_for(lambda r: r.requests_to("/v2/enqueue"))
    team.acknowledge()
    team.wait_for_phase("Acknowledged", within=5)
    sent = [r for r in team.receiver.requests if r.path != "/v2/enqueue"]
    team.patch(
        escalation={"request": {"reason": "need a second pair of eyes"}}, setBy={"escalation": "admin"}
    )
    added = team.receiver.wait_for(lambda r: r.requests_to(f"/{team.namespace}/backup")[len(sent) :])[0]
    (page,) = [
        p
        for p in team.wait_for(lambda i: i["status"]["escalation"]["epoch"] == 2 and i)["status"]["pages"]
        if p["epoch"] == 2
    ]
    assert added.json["data"]["key"] == page["hops"][0]["key"]
    team.patch(acknowledgedBy={"admin": {"page": page["id"], "note": "mine"}})
    team.wait_for(lambda i: i["status"]["escalation"]["state"] == "Stopped")
    own = team.receiver.wait_for(
        lambda r: [
            q for q in r.requests_to(f"/{team.namespace}/backup") if q.json["data"]["action"] == "acknowledge"
        ]
    )
    assert [q.json["data"]["key"] for q in own] == [page["hops"][0]["key"]]


@pytest.mark.feature("F23")
def test_an_empty_level_is_skipped_and_an_empty_policy_ends_at_the_last_resort(team: Team):
    team.policy(("nobody", "30s", [target("not-there")]), ("nor-here", "30s", [target("gone")]))
    team.severities()
    team.declare()
    page = team.receiver.wait_for(lambda r: r.requests_to(f"/{team.namespace}/backup"), timeout=10)[0]
    assert page.json["data"]["action"] == "trigger"
    kinds = [e["kind"] for e in team.wait_for_phase("Triggered")["status"]["timeline"]]
    assert kinds.count("LevelSkipped") == 2


@pytest.mark.feature("F26")
@pytest.mark.parametrize(
    "reaction",
    [
        pytest.param(Reaction(status=503), id="the first connection answers 503"),
        pytest.param(Reaction(kind="hang"), id="the first connection does not answer"),
        pytest.param(Reaction(kind="reset"), id="the first connection breaks off"),
    ],
)
def test_the_same_page_goes_out_by_the_next_connection_within_30_seconds(
    team: Team, receiver: Receiver, reaction: Reaction
):
    receiver.script("/v2/enqueue", reaction)
    team.policy(("first", "5m", [target("pagerduty", "backup-pager")]))
    team.severities()
    team.declare()
    first = receiver.wait_for(lambda r: r.requests_to("/v2/enqueue"))[0]
    second = receiver.wait_for(lambda r: r.requests_to(f"/{team.namespace}/backup"), timeout=30)[0]
    assert second.arrived - first.arrived < 20, "the next hop starts within 20 s of due"
    degraded = condition(
        team.wait_for(lambda i: i if condition(i, "Degraded").get("status") == "True" else None), "Degraded"
    )
    assert degraded["reason"] == "ConnectionFailing"
    assert f"{team.namespace}/pagerduty" in degraded["message"]


@pytest.mark.feature("F24")
def test_a_running_incident_keeps_its_policy_until_it_adopts_the_new_one(team: Team):
    team.policy(("first", "2s", [target("pagerduty")]), ("second", "5m", [target("pagerduty")]))
    team.severities()
    team.declare()
    before = team.wait_for_phase("Triggered")["status"]["policy"]
    assert before["hash"]
    team.policy(("only", "5m", [target("backup-pager")]))
    team.receiver.wait_for(lambda r: r.requests_to("/v2/enqueue")[1:], timeout=10)
    assert team.incident()["status"]["policy"] == before
    assert not team.receiver.requests_to(f"/{team.namespace}/backup")
    team.patch(escalation={"adoptPolicy": True}, setBy={"escalation": "admin"})
    team.receiver.wait_for(lambda r: r.requests_to(f"/{team.namespace}/backup"))
    after = team.wait_for(lambda i: i if i["status"]["escalation"]["epoch"] == 2 else None)
    assert after["status"]["policy"]["hash"] != before["hash"]


@pytest.mark.feature("F22")
def test_an_acknowledgement_without_update_expires_and_an_update_resets_its_clock(team: Team):
    team.policy(("first", "5m", [target("pagerduty")]))
    team.severities(acknowledgementTimeout="4s")
    team.declare()
    team.wait_for_phase("Triggered")
    team.acknowledge()
    expiry = team.wait_for_phase("Acknowledged")["status"]["deadlines"]["acknowledgementExpiryTime"]
    team.apply(
        {
            "apiVersion": "watchbill.dev/v1alpha1",
            "kind": "IncidentUpdate",
            "metadata": {"name": "one", "namespace": team.namespace},
            "spec": {
                "incidentRef": {"name": "checkout"},
                "by": "admin",
                "audience": ["Internal"],
                "text": "we are on it",
            },
        }
    )
    team.wait_for(lambda i: i["status"].get("updates", {}).get("count") == 1)
    assert team.incident()["status"]["deadlines"]["acknowledgementExpiryTime"] >= expiry
    incident = team.wait_for_phase("Triggered", within=10)
    assert incident["status"]["escalation"]["epoch"] == 2
    assert condition(incident, "Acknowledged")["reason"] == "Expired"
    pages = [
        r.json["dedup_key"]
        for r in team.receiver.requests_to("/v2/enqueue")
        if r.json["event_action"] == "trigger"
    ]
    assert len(set(pages)) == 2


def test_a_rotated_secret_is_used_without_a_restart_and_a_refused_one_is_read_again(
    team: Team, receiver: Receiver
):
    team.policy(("first", "5m", [target("pagerduty")]))
    team.severities()
    team.declare("before")
    receiver.wait_for(lambda r: r.requests_to("/v2/enqueue"))
    new = "N3WK3Y000000000000000000000000AB"
    team.secret("pagerduty", routingKey=new)
    receiver.script("/v2/enqueue", Reaction(status=401), times=1)
    team.declare("after")
    receiver.wait_for(
        lambda r: [q for q in r.requests_to("/v2/enqueue") if q.json["routing_key"] == new], timeout=10
    )
    team.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted", "after")
    team.patch("before", state="Resolved", stateReason="done", setBy={"state": "admin"})
    degraded = condition(
        team.wait_for(lambda i: i if condition(i, "Degraded").get("status") == "True" else None, "before"),
        "Degraded",
    )
    assert degraded["reason"] == "CredentialChanged"


def test_a_console_page_is_an_event_and_the_incident_says_that_nobody_was_paged(
    team: Team, operator: OperatorProcess
):
    team.connection("screen", console={})
    team.policy(("first", "5m", [target("screen")]))
    team.severities()
    team.declare("quiet")
    incident = team.wait_for(
        lambda i: i if condition(i, "Degraded").get("status") == "True" else None, "quiet"
    )
    assert condition(incident, "Degraded")["reason"] == "ConsoleOnly"
    assert "nobody" in condition(incident, "Degraded")["message"]
    operator.wait_for_line(
        next(line["msg"] for line in operator.lines() if "Checkout fails" in line["msg"]), 5
    )
    assert team.admin.told_of("quiet", "ConsolePage")
