"""The image and the chart in a real cluster: whatever is done to the release, no page is lost."""

import json
from datetime import datetime, timedelta

import pytest

from dev.realcluster.addresses import NODE
from dev.receiver import PAGERDUTY_PATH, Received
from tests.e2e.release import NAME, NAMESPACE, Release
from tests.support.builders import target
from tests.support.kubectl import Kubectl
from tests.support.shop import Shop
from tests.support.team import Object

LIMIT = timedelta(seconds=20)
"""By how much the death of a leader may delay a page."""

PAGER = [target("pagerduty")]
INSTALLED_WITHIN = 60.0
INCIDENTS = 500
TAKEN_UP_WITHIN = 60.0
"""Seconds in which a new release tells the pager what was done meanwhile: Helm takes the old one's role away
before its pods end, so that they cannot release the lease, which has to run out."""


def test_the_node_is_ready_and_takes_pods(kubectl: Kubectl):
    node = json.loads(kubectl("get", "node", NODE, "--output=json").stdout)
    assert {"type": "Ready", "status": "True"}.items() <= node["status"]["conditions"][-1].items()


@pytest.mark.feature("F65")
def test_the_release_is_installed_in_a_minute_as_one_deployment_and_no_stateful_set(
    release: Release, kubectl: Kubectl
):
    assert release.seconds < INSTALLED_WITHIN
    kinds = "deployments,statefulsets,daemonsets,persistentvolumeclaims"
    made = kubectl("get", kinds, f"--namespace={NAMESPACE}", "--output=name").stdout.split()
    assert made == [f"deployment.apps/{NAME}"]


def test_an_incident_is_paged_acknowledged_and_resolved(shop: Shop):
    shop.ladder("checkout", ("first", "10m", PAGER))
    shop.declare()
    shop.wait_for_alerts("triggered")
    shop.patch(acknowledgedBy={"admin": {}})
    shop.wait_for_alerts("acknowledged")
    shop.say("Resolved", "rolled back")
    shop.wait_for_alerts("resolved")
    shop.wait_for_phase("Resolved")


def test_helm_test_passes(release: Release):
    assert "Phase:          Succeeded" in release.helm("test", NAME, "--timeout=90s")


def test_the_api_server_refuses_nothing_that_the_operator_asks_for(release: Release, shop: Shop):
    shop.ladder("checkout", ("first", "10m", PAGER))
    shop.declare()
    shop.wait_for_alerts("triggered")
    asked = {pod["metadata"]["name"]: release.requests(pod["metadata"]["name"]) for pod in release.pods()}
    assert len(asked) == 2
    assert [counts for counts in asked.values() if counts.get("200", 0) == 0] == []
    assert [counts for counts in asked.values() if {"401", "403"} & counts.keys()] == []


@pytest.mark.parametrize("way", ["--wait=false", "--now"], ids=["in order", "at once"])
def test_a_deleted_leader_delays_a_page_by_20_seconds_at_most(
    release: Release, shop: Shop, kubectl: Kubectl, way: str
):
    shop.ladder("checkout", ("first", "6s", PAGER), ("second", "10m", PAGER))
    leader = release.leader()
    shop.declare()
    shop.wait_for_alerts("triggered")
    kubectl("delete", "pod", leader, f"--namespace={NAMESPACE}", way)
    incident = paged(shop, 2)
    assert [delay for delay in delays(shop, incident) if delay > LIMIT] == []
    assert release.leader() != leader


def test_an_upgrade_loses_no_page_of_an_escalation_that_runs(release: Release, shop: Shop):
    levels = [f"level-{number}" for number in range(4)]
    shop.ladder("checkout", *((level, "15s", PAGER) for level in levels))
    before = {pod["metadata"]["name"] for pod in release.pods()}
    shop.declare()
    shop.wait_for_alerts("triggered")
    release.install(**{"podSecurityContext.runAsUser": "12345"})  # Any number will do, too.
    assert not before & {pod["metadata"]["name"] for pod in release.pods()}
    incident = paged(shop, len(levels), within=90)
    pages = incident["status"]["pages"]
    assert [page["level"] for page in pages][: len(levels)] == levels
    assert [delay for delay in delays(shop, incident) if delay > LIMIT] == []


@pytest.mark.feature("F65")
def test_500_open_incidents_take_less_than_256_mib_and_a_fifth_of_a_core(release: Release, shop: Shop):
    shop.hook("hook")
    shop.ladder("checkout", ("first", "10m", [target("hook")]))
    for number in range(INCIDENTS):
        shop.declare(f"checkout-{number}", classRef={"name": shop.class_of("checkout")})
    shop.receiver.wait_for(lambda receiver: len(receiver.requests_to(shop.at("hook"))) >= INCIDENTS, 120)
    cores, mebibytes = release.usage_over(release.leader(), 30)
    print(f"{INCIDENTS} open incidents: {cores:.3f} cores, {mebibytes:.0f} MiB")
    assert cores < 0.2
    assert 0 < mebibytes < 256


def test_uninstalling_keeps_every_incident_and_the_next_release_goes_on_with_them(
    release: Release, shop: Shop, kubectl: Kubectl
):
    shop.ladder("checkout", ("first", "10m", PAGER))
    shop.declare()
    shop.wait_for_alerts("triggered")
    release.helm("uninstall", NAME, "--wait")
    assert release.pods() == []
    crds = kubectl("get", "crds", "--output=name").stdout
    assert "incidents.watchbill.dev" in crds
    shop.acknowledge()
    release.install()
    shop.receiver.wait_for(lambda _: shop.alerts == ["acknowledged"], TAKEN_UP_WITHIN)
    assert kubectl("get", "crds", "--output=name").stdout == crds


def paged(shop: Shop, levels: int, within: float = 60) -> Object:
    """The incident, once pages of so many levels are accepted."""

    def found(incident: Object) -> Object | None:
        accepted = [page for page in incident["status"]["pages"] if page["state"] == "Accepted"]
        return incident if len({page["level"] for page in accepted}) >= levels else None

    return shop.wait_for(found, within=within)


def delays(shop: Shop, incident: Object) -> list[timedelta]:
    """From when each page was due to its first arrival; KeyError for one that has not arrived."""
    arrived: dict[str, Received] = {}
    for request in shop.receiver.requests_to(PAGERDUTY_PATH):
        arrived.setdefault(request.json["dedup_key"], request)
    return [
        arrived[hop["key"]].time - datetime.fromisoformat(page["dueTime"])
        for page in incident["status"]["pages"]
        for hop in page["hops"]
    ]
