"""What survives: a killed process, a silent API server, a deleted incident, two replicas."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.receiver import Reaction, Receiver
from tests.support.builders import target
from tests.support.cut import Wire
from tests.support.team import Object, Team, condition

pytestmark = pytest.mark.cluster


@pytest.fixture
def wire(cluster: Cluster) -> Iterator[Wire]:
    with Wire(cluster.url) as carried:
        yield carried


def triggers(receiver: Receiver) -> list[str]:
    """The keys of the pages that arrived at PagerDuty, in order, repeats included."""
    sent = [r.json for r in receiver.requests_to("/v2/enqueue")]
    return [event["dedup_key"] for event in sent if event["event_action"] == "trigger"]


def in_steps(team: Team) -> Object:
    """An incident of a policy with two levels, 3 s apart, both at PagerDuty."""
    team.policy(("first", "3s", [target("pagerduty")]), ("second", "5m", [target("pagerduty")]))
    team.severities()
    return team.declare()


def operator(cluster: Cluster, path: Path, identity: str = "operator") -> OperatorProcess:
    return OperatorProcess(cluster.operator_kubeconfig, path / f"{identity}.log", identity=identity)


@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0, 2.9])
def test_an_operator_killed_at_any_moment_loses_no_page(
    team: Team, cluster: Cluster, tmp_path: Path, seconds: float
):
    process = operator(cluster, tmp_path).start()
    in_steps(team)
    time.sleep(seconds)  # The moment of the kill is what varies; nothing is waited for.
    process.kill()
    with process:
        team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2, timeout=20)
        team.acknowledge()
        team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"acknowledged"})
        team.patch(state="Resolved", stateReason="done", setBy={"state": "admin"})
        team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"resolved"})
    assert len(team.receiver.alerts) == 2, "repeats of a key open no second alert"


def test_what_is_due_while_nobody_runs_is_paged_late_and_only_the_latest(
    team: Team, cluster: Cluster, tmp_path: Path
):
    process = operator(cluster, tmp_path).start()
    team.policy(
        ("first", "2s", [target("pagerduty")]),
        ("second", "2s", [target("backup-pager")]),
        ("third", "5m", [target("pagerduty")]),
    )
    team.severities()
    team.declare()
    team.wait_for(lambda i: i.get("status", {}).get("pages", [{}])[0].get("state") == "Accepted")
    process.kill()
    time.sleep(10)  # The downtime itself: the second level's whole time and 6 s of the third's pass.
    with process:
        team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2, timeout=20)
        incident = team.wait_for(lambda i: i if i["status"]["escalation"]["level"] == "third" else None)
    late = next(page for page in incident["status"]["pages"] if page["level"] == "third")
    assert late["late"] != ""
    assert not team.receiver.requests_to(f"/{team.namespace}/backup")
    assert "LevelMissed" in [entry["kind"] for entry in incident["status"]["timeline"]]


def test_a_standby_takes_over_when_the_leader_is_killed(team: Team, cluster: Cluster, tmp_path: Path):
    leader = operator(cluster, tmp_path, "one").start()
    standby = operator(cluster, tmp_path, "two").start(wait=False)
    try:
        in_steps(team)
        team.receiver.wait_for(triggers)
        leader.kill()
        killed = time.monotonic()
        standby.wait_for_line("ready", 30)
        team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2, timeout=25)
        assert time.monotonic() - killed < 20 + 3
    finally:
        standby.stop()
        leader.kill()


def test_a_leader_that_is_asked_to_stop_hands_over_at_once(team: Team, cluster: Cluster, tmp_path: Path):
    leader = operator(cluster, tmp_path, "one").start()
    standby = operator(cluster, tmp_path, "two").start(wait=False)
    try:
        team.receiver.script("/v2/enqueue", Reaction(delay=2.0), times=1)
        team.policy(("first", "5m", [target("pagerduty")]))
        team.severities()
        team.declare()
        team.receiver.wait_for(triggers)
        assert leader.stop() == 0
        stopped = time.monotonic()
        standby.wait_for_line("ready", 30)
        assert time.monotonic() - stopped < 5, "the lease was released"
        team.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted")
        assert len(triggers(team.receiver)) == 1, "the send in flight was ended and recorded"
    finally:
        standby.stop()


def test_paging_goes_on_while_the_api_server_is_silent(
    team: Team, cluster: Cluster, wire: Wire, tmp_path: Path
):
    kubeconfig = wire.kubeconfig(cluster.operator_kubeconfig, tmp_path / "wired.kubeconfig")
    with OperatorProcess(kubeconfig, tmp_path / "operator.log") as process:
        in_steps(team)
        team.receiver.wait_for(triggers)
        team.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted")
        wire.cut()
        team.receiver.wait_for(lambda r: len(triggers(r)) == 2, timeout=20)
        second = team.receiver.requests_to("/v2/enqueue")[-1].json
        assert "cannot be seen since" in str(second["payload"])
        team.acknowledge()
        wire.mend()
        team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"acknowledged"}, timeout=40)
        incident = team.wait_for_phase("Acknowledged", within=40)
        assert [page["level"] for page in incident["status"]["pages"]] == ["first", "second"]
        assert len(triggers(team.receiver)) == 2, "nothing is sent twice"
        assert process.exit_code is None


def test_deleting_an_incident_resolves_its_pages(team: Team, cluster: Cluster, tmp_path: Path):
    team.policy(("first", "5m", [target("pagerduty")]))
    team.severities()
    with operator(cluster, tmp_path):
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


def test_a_new_incident_under_an_old_name_has_keys_of_its_own(team: Team, cluster: Cluster, tmp_path: Path):
    team.policy(("first", "5m", [target("pagerduty")]))
    team.severities()
    with operator(cluster, tmp_path):
        first = team.declare()["metadata"]["uid"]
        team.receiver.wait_for(triggers)
        team.patch(state="Cancelled", stateReason="false alarm", setBy={"state": "admin"})
        team.kubectl("-n", team.namespace, "delete", "incident", "checkout")
        second = team.declare()["metadata"]["uid"]
        team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2)
    owners = [key.partition("/")[0] for key in dict.fromkeys(triggers(team.receiver))]
    assert owners == [first, second]


def test_objects_that_come_in_any_order_lead_to_the_same_page(team: Team, cluster: Cluster, tmp_path: Path):
    with operator(cluster, tmp_path):
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


def test_a_frozen_leader_that_wakes_up_sends_nothing_more(team: Team, cluster: Cluster, tmp_path: Path):
    leader = operator(cluster, tmp_path, "one").start()
    standby = operator(cluster, tmp_path, "two").start(wait=False)
    try:
        in_steps(team)
        team.receiver.wait_for(triggers)
        leader.send_signal(signal.SIGSTOP)
        standby.wait_for_line("ready", 30)
        team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2, timeout=25)
        team.acknowledge()
        team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"acknowledged"})
        sent = len(triggers(team.receiver))
        leader.send_signal(signal.SIGCONT)
        leader.wait_for_line("this process does not lead any more", 10)
        team.patch(state="Resolved", stateReason="done", setBy={"state": "admin"})
        team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"resolved"})
        assert len(triggers(team.receiver)) == sent
    finally:
        leader.kill()
        standby.stop()
