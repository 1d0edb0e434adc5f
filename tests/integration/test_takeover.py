"""Who acts when the leader is killed, stopped, frozen or cut off, and what it does that leads no more."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.receiver import Reaction
from dev.waiting import wait_until
from tests.support.builders import target
from tests.support.cut import Wire
from tests.support.team import Object, Team, triggers

pytestmark = pytest.mark.cluster

STEP = "5s"
"""Until the second level: a busy machine stops the leader before, and its lease ends after that."""


@pytest.fixture
def wire(cluster: Cluster) -> Iterator[Wire]:
    with Wire(cluster.url) as carried:
        yield carried


def operator(cluster: Cluster, path: Path, identity: str = "operator") -> OperatorProcess:
    return OperatorProcess(cluster.operator_kubeconfig, path / f"{identity}.log", identity=identity)


def wait_until_told(team: Team, reason: str) -> None:
    """Return once an Event has this reason: posted when the operator knows that its record is written."""
    path = f"/api/v1/namespaces/{team.namespace}/events"

    def complaint() -> str | None:
        reasons = [each["reason"] for each in team.admin.ask("GET", path).body["items"]]
        return None if reason in reasons else f"no Event {reason}, only {reasons}"

    wait_until(complaint, 10)


@pytest.mark.convention(60)
def test_a_standby_takes_over_when_the_leader_is_killed(team: Team, cluster: Cluster, tmp_path: Path):
    leader = operator(cluster, tmp_path, "one").start()
    standby = operator(cluster, tmp_path, "two").start(wait=False)
    try:
        team.declare_in_steps(STEP)
        team.receiver.wait_for(triggers)
        leader.kill()
        killed = time.monotonic()
        standby.wait_for_line("ready", 30)
        team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2, timeout=25)
        assert time.monotonic() - killed < 20 + 3
        assert len(team.receiver.alerts) == 2, "nobody is paged twice for one level"
    finally:
        standby.stop()
        leader.kill()


@pytest.mark.convention(58)
@pytest.mark.feature("F66")
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
        team.declare_in_steps("3s")
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


@pytest.mark.convention(60)
def test_a_leader_that_is_cut_off_beside_a_standby_opens_no_second_alert(
    team: Team, cluster: Cluster, wire: Wire, tmp_path: Path
):
    kubeconfig = wire.kubeconfig(cluster.operator_kubeconfig, tmp_path / "wired.kubeconfig")
    leader = OperatorProcess(kubeconfig, tmp_path / "one.log", identity="one").start()
    standby = operator(cluster, tmp_path, "two").start(wait=False)
    try:
        team.declare_in_steps("20s")
        team.receiver.wait_for(triggers)
        team.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted")
        wire.cut()
        cut = time.monotonic()
        standby.wait_for_line("ready", 30)
        assert time.monotonic() - cut < 20
        team.receiver.wait_for(lambda r: len(triggers(r)) == 3, timeout=25)
        first, second, again = triggers(team.receiver)
        assert first != second == again, "both paged the second level, under one key"
        team.acknowledge()
        team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"acknowledged"})
        time.sleep(max(0.0, 30 - (time.monotonic() - cut)))  # The partition itself.
        wire.mend()
        begins = leader.log.stat().st_size
        assert standby.stop() == 0
        leader.wait_for_line("this process leads", 10, begins)
        team.patch(state="Resolved", stateReason="done", setBy={"state": "admin"})
        team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"resolved"})
        assert [alert.dedup_key for alert in team.receiver.alerts] == [first, second]
        assert len(triggers(team.receiver)) == 3
    finally:
        standby.stop()
        leader.kill()


def test_a_frozen_leader_that_wakes_up_sends_and_writes_nothing_more(
    team: Team, cluster: Cluster, tmp_path: Path
):
    leader = operator(cluster, tmp_path, "one").start()
    standby = operator(cluster, tmp_path, "two").start(wait=False)
    try:
        team.declare_in_steps(STEP)
        wait_until_told(team, "Triggered")
        leader.send_signal(signal.SIGSTOP)
        standby.wait_for_line("ready", 30)
        team.receiver.wait_for(lambda r: len(set(triggers(r))) == 2, timeout=25)
        team.acknowledge()
        team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"acknowledged"})
        before = team.wait_for(lambda i: i if closings(i) == ["Done", "Done"] else None)
        sent = len(triggers(team.receiver))
        leader.send_signal(signal.SIGCONT)
        leader.wait_for_line("this process does not lead any more", 10)
        # Whoever looks at all that is there again has looked at this incident too.
        begins = leader.log.stat().st_size
        standby.stop()
        leader.wait_for_line("this process leads", 10, begins)
        assert team.incident() == before
        team.patch(state="Resolved", stateReason="done", setBy={"state": "admin"})
        team.receiver.wait_for(lambda r: {a.state for a in r.alerts} == {"resolved"})
        assert len(triggers(team.receiver)) == sent
    finally:
        leader.kill()
        standby.stop()


def test_an_alert_that_a_frozen_leader_opened_again_is_resolved_within_10_seconds(
    team: Team, cluster: Cluster, tmp_path: Path
):
    leader = operator(cluster, tmp_path, "one").start()
    standby = operator(cluster, tmp_path, "two").start(wait=False)
    try:
        with Wire(team.receiver.url) as slow:
            key = {"name": "pagerduty", "key": "routingKey"}
            team.connection(
                "pagerduty",
                pagerDuty={"routingKeySecretRef": key, "baseURL": f"http://127.0.0.1:{slow.port}"},
            )
            slow.hold()
            team.declare_in_steps("5m")
            slow.wait_until_held()
            leader.send_signal(signal.SIGSTOP)
            standby.wait_for_line("ready", 30)
            team.receiver.wait_for(triggers, timeout=20)
            team.patch(state="Resolved", stateReason="done", setBy={"state": "admin"})
            team.receiver.wait_for(lambda r: [a.state for a in r.alerts] == ["resolved"])
            over = team.wait_for(lambda i: i if closings(i) == ["Done"] else None)
            slow.release()
            team.receiver.wait_for(lambda r: [a.state for a in r.alerts] == ["resolved", "triggered"])
            leader.send_signal(signal.SIGCONT)
            team.receiver.wait_for(lambda r: [a.state for a in r.alerts] == ["resolved"] * 2, timeout=10)
            leader.wait_for_line("this process does not lead any more", 10)
            assert len(triggers(team.receiver)) == 2, "the one send in flight, and that of the standby"
            incident = team.wait_for(lambda i: i if closings(i) == ["Done"] else None)
            for field in ("phase", "escalation", "times"):
                assert incident["status"][field] == over["status"][field]
    finally:
        leader.kill()
        standby.stop()


def closings(incident: Object) -> list[str]:
    """How far the outside has been told of each page of an incident."""
    pages = incident["status"]["pages"]
    return [hop.get("closing", {}).get("state", "") for page in pages for hop in page["hops"]]
