"""The API server is gone for a minute, and comes back with all that etcd holds."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.assets import find_assets
from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.receiver import Receiver
from dev.waiting import wait_until
from tests.support.builders import target
from tests.support.cut import Wire
from tests.support.kubectl import Kubectl
from tests.support.people import Person, admin_client
from tests.support.require import require
from tests.support.shop import Shop
from tests.support.team import Object

pytestmark = pytest.mark.cluster

OUTAGE = 60.0
"""Seconds."""

RELEARNT = 60.0
"""Seconds until a server that starts again finds the kinds of policies' parameters: it looks each 30 s."""

BLIND = "acknowledgements cannot be seen since"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """A local control plane that no other test needs."""
    local = {**os.environ, "CLUSTER": ""}
    require(find_assets(local) is not None, "kube-apiserver and etcd: `python -m dev build` builds them")
    with Cluster(tmp_path / "own", environment=local) as started:
        yield started


@pytest.fixture
def shop(own: Cluster, receiver: Receiver) -> Iterator[Shop]:
    """A team there."""
    with admin_client(own) as client:
        admin = Person(client, "shop")
        admin.make_namespace()
        yield Shop(Kubectl(own), admin, receiver)


def test_a_lone_leader_ends_its_round_in_an_outage_and_then_learns_who_acknowledged(
    shop: Shop, own: Cluster, tmp_path: Path
):
    shop.hook("hook")
    levels = (
        ("first", "10s", [target("pagerduty")]),
        ("second", "5s", [target("pagerduty"), target("hook")]),
    )
    for name in ("open", "taken"):
        shop.ladder(name, *levels, times=2)
    log = tmp_path / "operator.log"
    with Wire(own.url) as wire:
        kubeconfig = wire.kubeconfig(own.operator_kubeconfig, tmp_path / "wired.kubeconfig")
        with OperatorProcess(kubeconfig, log) as process:
            for name in ("open", "taken"):
                shop.declare(name)
                shop.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted", name)
            # Nobody is told of what is said at the last moment.
            wire.cut()
            shop.acknowledge("taken")
            with own.outage():
                began = time.monotonic()
                wire.mend()
                shop.receiver.wait_for(lambda _: len(sent(shop)) == 6, 30)
                time.sleep(OUTAGE - (time.monotonic() - began))  # The outage itself.
                assert process.exit_code is None
                assert len(sent(shop)) == 6, "the round is ended once, and not begun anew"
                assert all(BLIND in str(event) for event in sent(shop)[2:])
            taken = shop.wait_for(is_closed, "taken", 30)
            assert states_of(taken).count("Accepted") == 3, "what was sent meanwhile is recorded"
            shop.receiver.wait_for(lambda _: len(sent(shop)) == 7, 20)
            latest = sent(shop)[6]["data"]
            assert (latest["incident"], latest["level"]) == ("open", "lastResort"), "all else is passed by"
            wait_until(lambda: refusal_of_acknowledgement(shop, "open"), RELEARNT)
            shop.receiver.wait_for(lambda _: set(shop.alerts) == {"acknowledged"}, 20)
            for name in ("open", "taken"):
                shop.say("Resolved", "done", name)
            shop.receiver.wait_for(lambda _: set(shop.alerts) == {"resolved"}, 20)
    assert len({key_of(event) for event in sent(shop)}) == len(sent(shop)) == 7, "nothing is sent twice"


def sent(shop: Shop) -> list[Object]:
    """The pages that arrived anywhere, in order, repeats included."""
    events = [request.json for request in shop.receiver.requests]
    return [e for e in events if "trigger" in (e.get("event_action"), e.get("data", {}).get("action"))]


def refusal_of_acknowledgement(shop: Shop, name: str) -> str | None:
    """Why an incident cannot be acknowledged, or None once it is: a server learns our kinds by and by."""
    answer = shop.admin.patch("incidents", name, {"acknowledgedBy": {"admin": {}}})
    return None if answer.succeeded else answer.message


def key_of(event: Object) -> str:
    """The key of a page that arrived."""
    return str(event.get("dedup_key") or event["data"]["key"])


def states_of(incident: Object) -> list[str]:
    """Where the pages of an incident stand, in order."""
    return [page["state"] for page in incident["status"]["pages"]]


def is_closed(incident: Object) -> Object | None:
    """The incident, where all that was sent for it has been told that it is acknowledged."""
    sent = [hop for page in incident["status"]["pages"] for hop in page["hops"] if hop["state"] == "Accepted"]
    told = {(hop["closing"]["action"], hop["closing"]["state"]) for hop in sent}
    return incident if told == {("Acknowledge", "Done")} else None
