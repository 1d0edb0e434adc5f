"""A machine's clock that is behind, and one that is set while the operator runs."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster import Cluster
from dev.waiting import wait_until
from tests.support.builders import target
from tests.support.shop import Shop
from tests.support.wrong_clock import WrongClock

pytestmark = pytest.mark.cluster

BEHIND = -600.0
REQUESTS = "watchbill_kube_requests_total"
SKEW, LEADS = "watchbill_clock_skew_seconds", "watchbill_leader{"


@pytest.fixture
def behind(cluster: Cluster, tmp_path: Path) -> Iterator[WrongClock]:
    """An operator on a machine that is ten minutes behind."""
    process = WrongClock(cluster.operator_kubeconfig, tmp_path / "behind", "one", BEHIND)
    yield process
    process.stop()


@pytest.fixture
def right(cluster: Cluster, tmp_path: Path) -> Iterator[WrongClock]:
    """An operator on a machine whose clock is right."""
    process = WrongClock(cluster.operator_kubeconfig, tmp_path / "right", "two")
    yield process
    process.stop()


def in_steps(shop: Shop, every: str) -> None:
    """Declare an incident that pages three levels, one after the other."""
    each = [target("pagerduty")]
    shop.ladder("checkout", ("first", every, each), ("second", every, each), ("third", "5m", each))
    shop.declare()


def leave_lease(shop: Shop, identity: str) -> None:
    """Leave the lease as a process does that is killed: who comes back under its name leads at once."""
    place = {"name": "watchbill", "namespace": "watchbill"}
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": place}
    spec = {"holderIdentity": identity, "leaseDurationSeconds": 10}
    path = "/apis/coordination.k8s.io/v1/namespaces/watchbill/leases/watchbill?fieldManager=test&force=true"
    headers = {"Content-Type": "application/apply-patch+yaml"}
    answer = shop.admin.client.patch(path, json=body | {"spec": spec}, headers=headers)
    assert answer.is_success, answer.text


def paged(shop: Shop, count: int) -> float:
    """When the latest page arrived, once there are so many; in monotonic seconds."""
    return shop.receiver.wait_for(lambda r: r.requests_to("/v2/enqueue")[count - 1 : count])[0].arrived


def test_a_clock_that_is_behind_lets_others_lead_and_a_clock_that_is_set_moves_no_deadline(
    shop: Shop, behind: WrongClock, right: WrongClock
):
    behind.start(wait=False)
    wait_until(lambda: None if behind.metric(SKEW) > 590 else "no skew is told", 20)
    assert behind.metric(LEADS) == 0, "nobody else is there, and yet it waits"
    right.start()
    assert (behind.metric(LEADS), right.metric(LEADS), abs(right.metric(SKEW)) < 5) == (0, 1, True)

    began = time.monotonic()
    in_steps(shop, every="1s")
    paged(shop, 1)
    right.set(3600)
    shop.patch(summary="All cards.")
    assert paged(shop, 2) - began > 1
    right.set(-7200)
    shop.patch(summary="All cards, all countries.")
    assert paged(shop, 3) - began > 2
    keys = [request.json["dedup_key"] for request in shop.receiver.requests_to("/v2/enqueue")]
    assert len(keys) == len(set(keys)) == 3, "nothing is paged twice"
    assert abs(right.metric(SKEW)) < 5
    # A busy machine may be seconds late; the clock was set by hours.
    late = [page.get("late", "") for page in shop.incident()["status"]["pages"]]
    assert not any(set("mh") & set(length) for length in late), late
    assert behind.metric(LEADS) == 0


def test_a_clock_that_is_set_right_while_its_machine_leads_opens_no_level_early(
    shop: Shop, behind: WrongClock
):
    leave_lease(shop, "one")
    behind.start()
    began = time.monotonic()
    in_steps(shop, every="3s")
    paged(shop, 1)
    behind.set(0)
    asked = behind.metric(REQUESTS)
    wait_until(lambda: None if behind.metric(REQUESTS) > asked else "the API server is not asked", 5)
    shop.patch(summary="All cards.")
    assert paged(shop, 2) - began > 3
    levels = [
        page["level"] for page in shop.wait_for(lambda i: i["status"]["pages"][1:] and i)["status"]["pages"]
    ]
    assert levels == ["first", "second"]
    assert behind.metric(SKEW) > 590, "it is told until somebody restarts it, or another leads"
    keys = [request.json["dedup_key"] for request in shop.receiver.requests_to("/v2/enqueue")]
    assert len(keys) == len(set(keys)) == 2, "nothing is paged twice"
