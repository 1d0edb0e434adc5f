"""The operator's rights: it asks for all that the chart grants, for nothing else, and is refused nothing.

So each rule of its role is needed: without it, what it allows would be refused here. And each is used: one
more would be asked for by nothing.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dev.realcluster.addresses import APISERVER_SERVICE
from dev.realcluster.cluster import RealCluster
from dev.waiting import wait_until
from tests.e2e.audit import Audit, Grant, granted
from tests.e2e.release import Release
from tests.support.builders import target
from tests.support.kubectl import Kubectl
from tests.support.shop import BACKUP, PLURALS, Shop
from tests.support.team import Object
from watchbill.api.group import GROUP

PAGER = [target("pagerduty")]
USED_WITHIN = 60.0


@pytest.mark.convention(34)
def test_the_operator_is_refused_nothing_and_asks_for_exactly_what_the_chart_grants(
    release: Release, cluster: RealCluster, shop: Shop, kubectl: Kubectl
):
    audit, wanted = Audit(cluster.audit), granted(kubectl)
    page_twice(shop)
    missed = miss_deletions(shop, cluster, release, start_a_run(shop))

    def unused() -> str | None:
        if unasked := missed - audit.asked():
            return f"nothing looks what has become of {sorted(unasked)}"
        left = {each for each in wanted if not any(each.covers(asked) for asked in audit.used())}
        return f"granted, and asked for by nothing: {sorted(left)}" if left else None

    wait_until(unused, USED_WITHIN, pause=1)
    there = kubectl("get", "namespaces", "--output=jsonpath={.items[*].metadata.name}").stdout.split()
    assert audit.refused(set(there)) == []


def page_twice(shop: Shop) -> None:
    """An incident is taken, given back and taken again, which is told by one Event that counts to two."""
    shop.ladder("checkout", ("first", "1s", PAGER), ("second", "10m", PAGER))
    shop.declare()
    shop.receiver.wait_for(lambda _: len(shop.triggers) == 2)
    for entry, phase in (({}, "Acknowledged"), (None, "Triggered"), ({}, "Acknowledged")):
        shop.patch(acknowledgedBy={"admin": entry})
        shop.wait_for_phase(phase)


def start_a_run(shop: Shop) -> str:
    """The name of the run of a runbook that has started by itself, once it has ended."""
    book = {
        "title": "Let it settle",
        "serviceAccountName": "nobody",
        "start": "Auto",
        "match": {"services": ["settling"]},
        "steps": [{"name": "settle", "wait": {"duration": "1s"}}],
    }
    answer = shop.admin.create("runbooks", book, name="settle")
    assert answer.succeeded, answer.message
    shop.ladder("settling", ("first", "10m", PAGER))
    shop.declare("settling", affected=[{"service": "settling"}])
    runs: list[Object] = []

    def unsettled() -> str | None:
        runs[:] = shop.admin.ask("GET", shop.admin.path("runbookruns")).body["items"]
        phases = [run.get("status", {}).get("phase") for run in runs]
        return None if phases == ["Succeeded"] else f"the runs are {phases}"

    wait_until(unsettled, 30)
    return str(runs[0]["metadata"]["name"])


def miss_deletions(shop: Shop, cluster: RealCluster, release: Release, run: str) -> set[Grant]:
    """What the leader has to ask for: an object of each kind is deleted while it is cut off."""
    update = {"incidentRef": {"name": "settling"}, "audience": ["Internal"], "text": "We look into it."}
    answer = shop.admin.create("incidentupdates", update, name="first")
    assert answer.succeeded, answer.message
    shop.ready("IncidentUpdate", "first", "Posted")
    things = {
        "IncidentUpdate": "first",
        "RunbookRun": run,
        "Runbook": "settle",
        "EscalationPolicy": "settling",
        "IncidentClass": shop.class_of("settling"),
        "Connection": BACKUP,
    }
    with cut_off(cluster.pid(release.container(release.leader()))):
        assert [name for kind, name in things.items() if not shop.delete(kind, name).succeeded] == []
        cluster.restart_apiserver()  # Else a watch goes on where it ended, and misses nothing.
    return {Grant(GROUP, PLURALS[kind], "get", name) for kind, name in things.items()}


@contextmanager
def cut_off(process: int) -> Iterator[None]:
    """A time without the API server for a pod; the rule goes with the pod at the latest."""
    rule = f"OUTPUT --destination {APISERVER_SERVICE} --protocol tcp --jump REJECT --reject-with tcp-reset"

    def inside(*command: str) -> str:
        entered = ["nsenter", f"--target={process}", "--net", *command]
        return subprocess.run(entered, capture_output=True, text=True, check=True).stdout

    def connected() -> str | None:
        inside("ss", "--kill", "dst", APISERVER_SERVICE)
        left = inside("ss", "--no-header", "state", "established", "dst", APISERVER_SERVICE)
        return f"its connections to the API server stay:\n{left}" if left else None

    inside("iptables", "--append", *rule.split())
    try:
        wait_until(connected, 10)
        yield
    finally:
        inside("iptables", "--delete", *rule.split())
