"""The operator as a process, watched from outside: heartbeat, scheduled test page, what is overdue.

It has a control plane of its own: what other tests leave open there would be overdue here.
"""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dev.assets import find_assets, kind_is_asked_for
from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.receiver import PAGERDUTY_PATH, Reaction, Receiver
from tests.support.builders import target
from tests.support.cut import Wire
from tests.support.kubectl import Kubectl
from tests.support.people import admin_client
from tests.support.require import require
from tests.support.team import Team

pytestmark = pytest.mark.cluster

BEAT = "/ping/3f2a-s3cret"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/watchbill/leases/watchbill"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    at_hand = kind_is_asked_for(os.environ) or find_assets(os.environ) is not None
    require(at_hand, "kube-apiserver, etcd and kubectl: `python -m dev build` builds them")
    with Cluster(tmp_path_factory.mktemp("watched")) as started:
        yield started


@pytest.fixture(scope="module")
def kubectl(cluster: Cluster) -> Kubectl:
    return Kubectl(cluster)


@pytest.fixture(scope="module")
def administrator(cluster: Cluster) -> Iterator[httpx.Client]:
    with admin_client(cluster) as client:
        yield client


class Outside:
    """Who takes the heartbeats, and what the operator says of itself."""

    def __init__(self, process: OperatorProcess, receiver: Receiver) -> None:
        self.process, self.receiver = process, receiver

    @property
    def beats(self) -> int:
        return len(self.receiver.requests_to(BEAT))

    def metric(self, name: str) -> float:
        found = re.search(
            rf"^watchbill_{re.escape(name)} (\S+)$", self.process.http("/metrics"), re.MULTILINE
        )
        return float(found[1]) if found else 0.0

    def hears(self) -> None:
        """Return once a heartbeat arrives that was sent from now on."""
        before = self.beats
        self.receiver.wait_for(lambda r: len(r.requests_to(BEAT)) > before + 1, timeout=15)

    @contextmanager
    def hears_nothing(self, reason: str) -> Iterator[None]:
        """Begin once there is no heartbeat for this reason; none arrives until the end of the block."""
        until(lambda: self.metric(f'heartbeat_silent{{reason="{reason}"}}') == 1)
        before = self.beats
        yield
        assert self.beats == before


def until(fact: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


@pytest.mark.feature("F27", "F70")
def test_whoever_is_outside_hears_the_heartbeat_while_pages_get_through_and_no_longer(
    team: Team, receiver: Receiver, cluster: Cluster, tmp_path: Path
):
    options = {
        "--heartbeat-interval": "1s",
        "--overdue-after": "1s",
        "--test-page-connection": f"{team.namespace}/pagerduty",
        "--test-page-every": "24h",
    }
    words = [word for pair in options.items() for word in pair]
    with Wire(cluster.url) as wire:
        kubeconfig = wire.kubeconfig(cluster.operator_kubeconfig, tmp_path / "wired.kubeconfig")
        environment = {"WATCHBILL_HEARTBEAT_URL": f"{receiver.url}{BEAT}"}
        with OperatorProcess(kubeconfig, tmp_path / "log", *words, environment=environment) as process:
            outside = Outside(process, receiver)
            the_test_page_rings(outside)
            outside.hears()
            what_is_overdue_is_told(outside, team)
            outside.hears()
            the_api_server_is_gone(outside, wire)
            outside.hears()
            its_loop_stands_still(outside)
            outside.hears()
            another_leads(outside, team)
            outside.hears()
            the_test_page_has_ended(outside, team)
            every_attempt_is_in_the_log(outside, team)
            assert "s3cret" not in process.log_text() + process.http("/metrics")


def the_test_page_rings(outside: Outside) -> None:
    page = outside.receiver.wait_for(lambda r: r.requests_to(PAGERDUTY_PATH))[0].json
    assert page["dedup_key"].startswith("test-page/")
    assert page["payload"]["summary"].startswith("TEST")


def what_is_overdue_is_told(outside: Outside, team: Team) -> None:
    outside.receiver.script(PAGERDUTY_PATH, Reaction(status=429))
    outside.receiver.script(f"/{team.namespace}/backup", Reaction(status=429))
    team.policy(("first", "5m", [target("pagerduty")]))
    team.severities()
    team.declare()
    with outside.hears_nothing("Overdue"):
        assert outside.metric('overdue_actions{action="page"}') == 1
        look = ("-n", team.namespace, "get", "events", "--field-selector=reason=ActionOverdue")
        until(lambda: "no connection has accepted it" in team.kubectl(*look).stdout)
        told = team.kubectl(*look, "-o", "jsonpath={.items[*]['type','involvedObject.name']}").stdout
        assert set(told.split()) == {"Warning", "checkout"}
    outside.receiver.heal(PAGERDUTY_PATH)
    outside.receiver.heal(f"/{team.namespace}/backup")
    team.wait_for(lambda incident: incident["status"]["pages"][0]["state"] == "Accepted")


def the_api_server_is_gone(outside: Outside, wire: Wire) -> None:
    unanswered = 'kube_requests_total{code="none",resource="leases",verb="update"}'
    wire.cut()
    with outside.hears_nothing("APIServerUnreachable"):
        seen = outside.metric(unanswered)
        until(lambda: outside.metric(unanswered) > seen)
    wire.mend()


def its_loop_stands_still(outside: Outside) -> None:
    """It is halted where it is, as by a call that blocks; nobody is left to say why there is silence."""
    line = outside.process.wait_for_line("health is served", 1)

    def is_unanswered() -> bool:
        try:
            httpx.get(f"http://127.0.0.1:{line['port']}/livez", timeout=1)
        except httpx.ReadTimeout:
            return True
        return False

    outside.process.send_signal(signal.SIGSTOP)
    try:
        until(is_unanswered)
        before = outside.beats
        assert all(is_unanswered() for _ in range(3)), "it stood still for three heartbeats"
        assert outside.beats == before
    finally:
        outside.process.send_signal(signal.SIGCONT)


def another_leads(outside: Outside, team: Team) -> None:
    taken = {"holderIdentity": "another", "leaseDurationSeconds": 2}
    assert team.admin.ask("PATCH", LEASE, {"spec": taken}).succeeded
    with outside.hears_nothing("NotLeading"):
        outside.process.wait_for_line("this process does not lead any more", 10)


def the_test_page_has_ended(outside: Outside, team: Team) -> None:
    key = outside.receiver.requests_to(PAGERDUTY_PATH)[0].json["dedup_key"]

    def is_resolved(receiver: Receiver) -> bool:
        alert = receiver.alert(key)
        return alert is not None and alert.state == "resolved"

    outside.receiver.wait_for(is_resolved, timeout=40)
    until(lambda: outside.metric("test_page_last_success_timestamp_seconds") > 0)
    annotations = team.admin.ask("GET", LEASE).body["metadata"]["annotations"]
    assert annotations["watchbill.dev/test-page"].startswith(("open ", "well "))


def every_attempt_is_in_the_log(outside: Outside, team: Team) -> None:
    attempts = [line for line in outside.process.lines() if line["msg"] == "attempted"]
    sent = outside.receiver.requests_to(PAGERDUTY_PATH)
    sent += outside.receiver.requests_to(f"/{team.namespace}/backup")
    assert len(attempts) == len(sent)
    assert {line["connection"] for line in attempts} <= {
        f"{team.namespace}/pagerduty",
        f"{team.namespace}/backup-pager",
    }
    assert {line["result"] for line in attempts} == {"ok", "retry"}
    assert all(line["ts"] for line in attempts)
    (hop,) = team.incident()["status"]["pages"][0]["hops"]
    assert (hop["connection"], hop["state"], hop["externalID"]) == ("pagerduty", "Accepted", hop["key"])
    assert hop["firstAttemptTime"] < hop["sentTime"]
    own = [line for line in attempts if line["key"] == hop["key"]]
    assert [line["externalID"] for line in own][-1] == hop["externalID"]
    assert hop["attempts"] == len(own)
