"""The leader's pod ends in every way in which pods end: pages are late by seconds, and none is lost."""

import os
import signal
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from dev.realcluster.cluster import RealCluster
from dev.receiver import PAGERDUTY_PATH, Received
from dev.waiting import wait_until
from tests.e2e.release import Release
from tests.support.builders import target
from tests.support.shop import Shop
from tests.support.team import Object

PAGER = [target("pagerduty")]

LIMIT = timedelta(seconds=20)
"""By how much the end of a leader may delay a page."""

APART = 21
"""Seconds between two levels: one that is due while nobody leads is late, and never passed by."""

BEFORE = timedelta(seconds=2)
"""How long before a page is due its leader ends."""


def kill(release: Release, cluster: RealCluster, pod: str) -> None:
    os.kill(cluster.pid(release.container(pod)), signal.SIGKILL)


def drain(release: Release, cluster: RealCluster, pod: str) -> None:
    with release.drained(pod):
        pass


WAYS: Mapping[str, Callable[[Release, RealCluster, str], None]] = {
    "deleted in order": lambda release, cluster, pod: release.delete(pod),
    "deleted at once": lambda release, cluster, pod: release.delete(pod, "--force", "--grace-period=0"),
    "killed on the node": kill,
    "evicted by a drain": drain,
}
"""How a leader ends."""


@pytest.mark.feature("F66")
@pytest.mark.convention(60)
def test_an_escalation_outlives_four_leaders_and_each_page_is_20_seconds_late_at_most(
    release: Release, cluster: RealCluster, shop: Shop
):
    levels = [f"level-{number}" for number in range(len(WAYS) + 1)]
    shop.ladder("checkout", *((level, f"{APART}s", PAGER) for level in levels))
    shop.declare()
    for number, end in enumerate(WAYS.values(), start=1):
        paged(shop, number)
        release.wait_until_whole()
        leader = release.leader()
        wait_until_due(shop)
        end(release, cluster, leader)
    incident = paged(shop, len(levels))
    assert [page["level"] for page in incident["status"]["pages"]] == levels
    late = delays(shop, incident)
    for way, delay in zip(("declared", *WAYS), late, strict=True):
        print(f"{way}: the next page was {delay.total_seconds():.1f} s late")
    assert [delay for delay in late if delay > LIMIT] == []
    assert len(shop.alerts) == len(set(shop.triggers)) == len(levels), "one alert for each page"


def test_a_drain_takes_one_replica_and_leaves_the_other_until_there_is_a_third(release: Release, shop: Shop):
    shop.ladder("checkout", ("first", "6s", PAGER), ("second", "10m", PAGER))
    leader = release.leader()
    shop.declare()
    shop.wait_for_alerts("triggered")
    with release.drained(leader):
        incident = paged(shop, 2)
        other = release.leader()
        assert "would violate the pod's disruption budget" in release.drain(other, timeout="3s").stderr
        assert release.leader() == other != leader
    release.wait_until_whole()
    assert [delay for delay in delays(shop, incident) if delay > LIMIT] == []


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


def wait_until_due(shop: Shop) -> None:
    """Return shortly before the next page is due."""
    due = datetime.fromisoformat(shop.incident()["status"]["escalation"]["nextTime"])
    wait_until(lambda: None if datetime.now(UTC) >= due - BEFORE else "it is not yet due.", APART)


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
