"""What survives: a killed process, a deleted incident, objects that come in any order."""

import time

import pytest

from dev.operator_process import OperatorProcess
from dev.receiver import Reaction
from tests.support.builders import target
from tests.support.team import Team, condition, triggers

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def process(operator: OperatorProcess) -> OperatorProcess:
    """The module's operator, which works again if the test before has killed it."""
    return operator if operator.exit_code is None else operator.start()


@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0, 1.9])
def test_an_operator_killed_at_any_moment_loses_no_page(team: Team, process: OperatorProcess, seconds: float):
    team.declare_in_steps("2s")
    time.sleep(seconds)  # The moment of the kill is what varies; nothing is waited for.
    process.kill()
    process.start()
    team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2, timeout=20)
    team.acknowledge()
    team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"acknowledged"})
    team.patch(state="Resolved", stateReason="done", setBy={"state": "admin"})
    team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"resolved"})
    assert len(team.receiver.alerts) == 2, "repeats of a key open no second alert"


@pytest.mark.convention(61)
def test_what_is_due_while_nobody_runs_is_paged_late_and_only_the_latest(
    team: Team, process: OperatorProcess
):
    team.policy(
        ("first", "5s", [target("pagerduty")]),
        ("second", "1s", [target("backup-pager")]),
        ("third", "5m", [target("pagerduty")]),
    )
    team.severities()
    team.declare()
    team.wait_for(lambda i: i.get("status", {}).get("pages", [{}])[0].get("state") == "Accepted")
    process.kill()
    time.sleep(11)  # The downtime itself: the second level's whole time and 5 s of the third's pass.
    process.start()
    team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2, timeout=20)
    incident = team.wait_for(lambda i: i if i["status"]["escalation"]["level"] == "third" else None)
    late = next(page for page in incident["status"]["pages"] if page["level"] == "third")
    assert late["late"] != ""
    assert len(triggers(team.receiver)) == 2, "each of the two was sent once"
    assert not team.receiver.requests_to(f"/{team.namespace}/backup")
    assert "LevelMissed" in [entry["kind"] for entry in incident["status"]["timeline"]]


def test_deleting_an_incident_resolves_its_pages(team: Team):
    team.policy(("first", "5m", [target("pagerduty")]))
    team.severities()
    team.declare()
    team.receiver.wait_for(triggers)
    refused = team.kubectl("-n", team.namespace, "delete", "incident", "checkout", check=False)
    assert refused.returncode != 0
    assert "spec.state" in refused.stderr
    team.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted")
    team.receiver.script("/v2/enqueue", Reaction(status=503))
    team.patch(state="Resolved", stateReason="done", setBy={"state": "admin"})
    team.wait_for_phase("Resolved")
    team.receiver.heal("/v2/enqueue")
    team.kubectl("-n", team.namespace, "delete", "incident", "checkout")
    team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"resolved"})


def test_a_new_incident_under_an_old_name_has_keys_of_its_own(team: Team):
    team.policy(("first", "5m", [target("pagerduty")]))
    team.severities()
    first = team.declare()["metadata"]["uid"]
    team.receiver.wait_for(triggers)
    team.patch(state="Cancelled", stateReason="false alarm", setBy={"state": "admin"})
    team.kubectl("-n", team.namespace, "delete", "incident", "checkout")
    second = team.declare()["metadata"]["uid"]
    team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2)
    owners = [key.partition("/")[0] for key in dict.fromkeys(triggers(team.receiver))]
    assert owners == [first, second]


def test_objects_that_come_in_any_order_lead_to_the_same_page(team: Team):
    team.declare()
    incident = team.wait_for(
        lambda i: i if condition(i, "Accepted").get("reason") == "ClassNotFound" else None
    )
    assert team.class_name in condition(incident, "Accepted")["message"]
    team.severities()
    team.wait_for(lambda i: condition(i, "Accepted").get("reason") == "PolicyNotFound")
    team.policy(("first", "5m", [target("pagerduty")]))
    team.receiver.wait_for(triggers, timeout=5)
    team.wait_for(lambda i: condition(i, "Accepted").get("status") == "True")
