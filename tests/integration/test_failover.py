"""The leader is killed at any moment, again and again: pages are late by seconds, and none is lost."""

import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dev.cluster import Cluster
from dev.receiver import PAGERDUTY_PATH, Reaction, Received
from tests.support.builders import target
from tests.support.replicas import Replicas
from tests.support.shop import Shop
from tests.support.team import Object
from tests.support.thoroughness import FULL

pytestmark = pytest.mark.cluster

KILLS = 5
"""In one run; the runs go side by side where pytest-xdist spreads them."""

RUNS = 40 if FULL else 2

LIMIT = timedelta(seconds=20)
"""By how much a kill may delay a page."""

NAMES = tuple(f"incident-{number}" for number in range(12))
LEVELS = ("first", "second", "third")

APART = (21, 30)
"""Seconds between two levels: one that is due while nobody leads is late, and never passed by."""

LAST = 600
"""Seconds after which the last resort would be paged."""


@pytest.mark.convention(60)
@pytest.mark.feature("F66")
@pytest.mark.parametrize("seed", range(RUNS))
def test_whenever_the_leader_is_killed_every_page_comes_within_20_seconds(
    shop: Shop, cluster: Cluster, tmp_path: Path, seed: int
):
    chance = random.Random(seed)
    prepare(shop, chance)
    with Replicas(cluster.operator_kubeconfig, tmp_path) as replicas:
        declared = {name: declare(shop, name, name) for name in NAMES}
        for kill in range(KILLS):
            # Two deaths in one delay would add up, as they must: whoever leads has caught up when it dies.
            for name in declared:
                shop.wait_for(has_all_sent, name, within=20)
            time.sleep(chance.uniform(0, 3))  # The moment of the kill is what varies.
            replicas.leader.kill()
            newcomer = f"newcomer-{kill}"
            declared[newcomer] = declare(shop, newcomer, chance.choice(NAMES))
            replicas.take_over()
        incidents = [paged(shop, name, len(LEVELS) if name in NAMES else 1) for name in declared]
        for name in declared:
            shop.say("Resolved", "done", name)
        shop.receiver.wait_for(lambda _: set(shop.alerts) == {"resolved"}, 30)
    keyed, unkeyed = triggers(shop, PAGERDUTY_PATH), triggers(shop, shop.at("hook"))
    late = delays(incidents, declared, [*keyed, *unkeyed])
    print(f"\nseed {seed}: {KILLS} kills, {len(late)} pages, the latest {sorted(late.values())[-5:]}")
    assert [key for key, delay in late.items() if delay > LIMIT.total_seconds()] == []
    assert len(shop.alerts) == len({key for key, _ in keyed}), "a key opens one alert"
    assert unsaid_repeats(unkeyed) == []


def prepare(shop: Shop, chance: random.Random) -> None:
    """Apply policies of staggered levels, and have vendors take their time: kills hit sends in flight too."""
    shop.hook("hook")
    for path in (PAGERDUTY_PATH, shop.at("hook")):
        shop.receiver.script(path, Reaction("well", delay=0.3))
    targets = [target("pagerduty"), target("hook")]
    for number, name in enumerate(NAMES):
        waits = (2 * number + 1, chance.randint(*APART), LAST)
        shop.ladder(name, *((level, f"{wait}s", targets) for level, wait in zip(LEVELS, waits, strict=True)))


def declare(shop: Shop, name: str, like: str) -> datetime:
    """The moment at which an incident of this name was declared, of the class of another name."""
    now = datetime.now(UTC)
    shop.declare(name, classRef={"name": shop.class_of(like)})
    return now


def has_all_sent(incident: Object) -> bool:
    """Whether all pages of an incident that are due by now were accepted."""
    status = incident["status"]
    next_time = datetime.fromisoformat(status["escalation"]["nextTime"])
    return next_time > datetime.now(UTC) and {page["state"] for page in status["pages"]} == {"Accepted"}


def paged(shop: Shop, name: str, levels: int) -> Object:
    """The incident, once so many of its levels have been opened, and all pages of those that are accepted."""

    def found(incident: Object) -> Object | None:
        states = [page["state"] for page in incident["status"]["pages"]]
        return incident if len(states) >= levels * 2 and set(states) == {"Accepted"} else None

    return shop.wait_for(found, name, within=100)


def triggers(shop: Shop, path: str) -> list[tuple[str, Received]]:
    """(key, request) of the pages that arrived at a vendor's path, in order, repeats included."""
    found = []
    for request in shop.receiver.requests_to(path):
        event = request.json.get("data", request.json)
        if "trigger" in (event.get("action"), event.get("event_action")):
            found.append((event.get("key") or request.json["dedup_key"], request))
    return found


def delays(
    incidents: Iterable[Object], declared: dict[str, datetime], sent: Iterable[tuple[str, Received]]
) -> dict[str, float]:
    """Seconds from when each page was due to its first arrival, by its key; KeyError for a page that is lost.

    The first level is due when the incident is declared.
    """
    arrived: dict[str, datetime] = {}
    for key, request in sent:
        arrived.setdefault(key, request.time)
    found = {}
    for incident in incidents:
        for page in incident["status"]["pages"]:
            is_first = page["level"] == LEVELS[0]
            due = (
                declared[incident["metadata"]["name"]]
                if is_first
                else datetime.fromisoformat(page["dueTime"])
            )
            for hop in page["hops"]:
                found[hop["key"]] = round((arrived[hop["key"]] - due).total_seconds(), 1)
    return found


def unsaid_repeats(sent: Iterable[tuple[str, Received]]) -> list[str]:
    """The keys of pages that came again and did not say so."""
    seen: set[str] = set()
    found = []
    for key, request in sent:
        if key in seen and not request.json["data"]["repeated"]:
            found.append(key)
        seen.add(key)
    return found
