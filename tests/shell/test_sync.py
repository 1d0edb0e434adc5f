"""The first list, and what a later one finds that the watch did not tell."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.shell.fake_api import FakeApi, Fault
from tests.support.apiserver.reading import Request
from watchbill.shell import sync
from watchbill.shell.cache import Cache, ObjectKey
from watchbill.shell.fresh import FreshReads
from watchbill.shell.inbox import Inbox
from watchbill.shell.kube import Kube, KubeError
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import path_of
from watchbill.shell.sweep import RESTING_PHASES
from watchbill.shell.sync import KINDS_IN_ORDER, Syncer, ranks_of, selectors

CLASS = {
    "metadata": {"name": "standard", "annotations": {"watchbill.dev/is-default-class": "true"}},
    "spec": {"severities": [{"name": "SEV-1", "rank": 1}, {"name": "SEV-2", "rank": 2}]},
}


class World:
    def __init__(self, api: FakeApi, kube: Kube, metrics: Metrics) -> None:
        self.api, self.metrics = api, metrics
        self.cache = Cache()
        self.told: list[str] = []
        inbox = Inbox(
            self.cache,
            lambda key, raw: self.told.append(f"{key.kind} {key.name}"),
            lambda key, last: self.told.append(f"{key.kind} {key.name} deleted"),
        )
        fresh = FreshReads(kube, self.cache, time.monotonic)
        self.syncer = Syncer(kube, self.cache, metrics, inbox.deliver, fresh)

    def declare(self, name: str, severity: str = "SEV-1", **rest: Any) -> None:
        spec = {"title": name, "severity": severity}
        self.api.put(path_of("Incident", "shop", name), **{"spec": spec} | rest)

    async def synced(self) -> None:
        await self.syncer.first_sync()
        self.told.clear()

    def asked(self) -> list[str]:
        """Of which lists and watches the server is asked from now on."""
        asked: list[str] = []

        async def note(request: Request) -> None:
            asked.append(f"{'watch' if 'watch' in request.query else 'list'} {request.path}")

        self.api.before = note
        return asked

    def missed(self) -> float | None:
        value = self.metrics.registry.get_sample_value
        return value("watchbill_watch_missed_total", {"kind": "Incident"})


@pytest.fixture
def world(api: FakeApi, kube: Kube, metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(sync, "GRACE", 0.0)
    monkeypatch.setattr(sync, "RETRIES", (0.0,))
    return World(api, kube, metrics)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not fact():
            await asyncio.sleep(0)


async def test_no_page_hangs_on_runbooks_that_cannot_be_listed(world: World):
    world.declare("cart")
    world.api.put(path_of("Runbook", "shop", "restart"), spec={})
    world.api.faults.append(Fault(403, method="GET", path="/runbooks"))
    await world.syncer.first_sync()
    assert (world.syncer.synced, world.told) == (True, ["Incident cart"])
    assert "Runbook cannot be listed" in world.syncer.problem
    world.syncer.start(period=3600)
    await until(lambda: world.told == ["Incident cart", "Runbook restart"])
    await until(lambda: world.syncer.problem == "")
    await world.syncer.stop()


async def test_what_decisions_need_is_listed_first_then_incidents_the_worst_before_the_others(world: World):
    for name, severity in [("a-mild", "SEV-2"), ("b-bad", "SEV-1"), ("c-odd", "SEV-9")]:
        world.declare(name, severity)
    world.api.put(path_of("IncidentUpdate", "shop", "said"), spec={})
    world.api.put(path_of("Connection", "shop", "pager"), spec={})
    world.api.put(path_of("EscalationPolicy", "shop", "ladder"), spec={})
    world.api.put(path_of("IncidentClass", "", "standard"), **CLASS)
    before = world.syncer.synced
    await world.syncer.first_sync(lambda: world.told.append("begin"))
    assert (before, world.syncer.synced) == (False, True)
    assert world.told == [
        "IncidentClass standard",
        "EscalationPolicy ladder",
        "Connection pager",
        "IncidentUpdate said",
        "begin",
        "Incident c-odd",
        "Incident b-bad",
        "Incident a-mild",
    ]


async def test_incidents_that_rest_are_left_to_the_sweep(world: World):
    for phase in (*RESTING_PHASES, "Pending", "Triggered", ""):
        world.declare(f"is-{phase}".lower(), status={"phase": phase} if phase else {})
    await world.syncer.first_sync()
    assert world.told == ["Incident is-", "Incident is-pending", "Incident is-triggered"]


async def test_of_few_namespaces_nothing_else_is_asked_for_and_each_is_compared(
    world: World, kube: Kube, monkeypatch: pytest.MonkeyPatch
):
    kube.namespaces = ("shop", "bank")
    places = [path_of("Incident", place, "cart") for place in ("shop", "bank", "other")]
    for path in places:
        world.api.put(path, spec={"title": "cart", "severity": "SEV-1"})
    asked = world.asked()
    await world.synced()
    await world.syncer.resync()
    for path in places:
        del world.api.objects[path]
    monkeypatch.setattr(sync, "WHOLE_PERIOD", 0.0)
    await world.syncer.resync()
    assert world.told == ["Incident cart deleted"] * 2
    lists = {each.split()[1] for each in asked if "incidents" in each and not each.endswith("cart")}
    assert lists == {path_of("Incident", place) for place in ("shop", "bank")}
    assert any(each.endswith("incidentclasses") for each in asked), "classes stand in no namespace"


async def test_a_server_that_cannot_select_is_asked_for_all(world: World):
    world.declare("cart", status={"phase": "Acknowledged"})
    world.declare("till", status={"phase": "Triggered"})
    refusal = {"reason": "BadRequest", "message": "field label not supported: status.phase"}
    world.api.put(path_of("IncidentClass", "", "standard"), **CLASS)
    world.api.faults.append(Fault(400, refusal, path="incidents"))
    await world.syncer.first_sync()
    assert [path for _, path in world.api.requests if path.endswith("incidents")] == [path_of("Incident")] * 2
    del world.told[0]
    assert world.told == ["Incident cart", "Incident till"]


def test_each_severity_is_asked_for_in_the_order_of_its_best_rank():
    other = {"spec": {"severities": [{"name": "SEV-2", "rank": 1}, {"name": "SEV-3", "rank": 2}]}}
    unknown, *known = selectors(ranks_of([CLASS, other, {"spec": None}]))
    assert unknown.endswith("Cancelled,spec.severity!=SEV-1,spec.severity!=SEV-2,spec.severity!=SEV-3")
    assert [each.rpartition(",")[2] for each in known] == [f"spec.severity=SEV-{rank}" for rank in (1, 2, 3)]


def test_a_matrix_with_very_many_severities_is_not_asked_for_one_by_one():
    rows = [{"name": f"SEV-{rank}", "rank": rank} for rank in range(100)]
    (only,) = selectors(ranks_of([{"spec": {"severities": rows}}]))
    assert "severity" not in only


async def test_it_lists_until_it_succeeds_and_says_what_is_wrong(world: World):
    world.declare("cart")
    problems: list[str] = []

    async def note(request: object) -> None:
        problems.append(world.syncer.problem)

    world.api.before = note
    world.api.faults.extend([Fault(404, path="connections"), Fault(500, path="connections")])
    appeared: list[bool] = []
    world.syncer.on_appeared = lambda: appeared.append(True)
    await world.syncer.first_sync()
    assert world.told == ["Incident cart"]
    assert any(problem.startswith("Connection cannot be listed") for problem in problems)
    assert world.syncer.problem == ""
    assert appeared == [True]


async def test_where_nothing_was_missed_one_request_for_each_kind_tells_so(world: World):
    world.declare("cart")
    await world.synced()
    asked = world.asked()
    await world.syncer.resync()
    assert world.told == []
    assert sorted(asked) == sorted(f"watch {path_of(kind)}" for kind in KINDS_IN_ORDER)


async def test_what_was_missed_is_told(world: World):
    for name in ("changed", "deleted", "replaced", "resting"):
        world.declare(name)
    await world.synced()
    world.cache.rest("Incident", "shop", "resting")
    world.declare("new")
    world.declare("changed", "SEV-2")
    world.api.objects[path_of("Incident", "shop", "changed")]["metadata"]["uid"] = world.cache.versions(
        "Incident"
    )[ObjectKey("Incident", "shop", "changed")].uid
    world.declare("replaced")
    del world.api.objects[path_of("Incident", "shop", "deleted")]
    await world.syncer.resync()
    assert world.told == [
        "Incident changed",
        "Incident deleted deleted",
        "Incident new",
        "Incident replaced deleted",
        "Incident replaced",
    ]
    assert world.missed() == 4
    world.told.clear()
    await world.syncer.resync()
    assert world.told == []


async def test_what_the_server_does_not_remember_is_found_by_lists(world: World):
    world.declare("changed")
    world.declare("deleted")
    await world.synced()
    world.declare("changed", "SEV-2")
    world.api.change(path_of("Incident", "shop", "changed"), severity="SEV-3")
    del world.api.objects[path_of("Incident", "shop", "deleted")]
    world.api.server.forget()
    await world.syncer.resync()
    assert "Incident changed" in world.told
    assert "Incident deleted deleted" in world.told
    asked = world.asked()
    await world.syncer.resync()
    assert all(each.startswith("watch ") for each in asked), "it is known again from where on to ask"


async def test_everything_is_listed_again_now_and_then(world: World, monkeypatch: pytest.MonkeyPatch):
    world.declare("cart")
    await world.synced()
    await world.syncer.resync()
    monkeypatch.setattr(sync, "WHOLE_PERIOD", 0.0)
    asked = world.asked()
    await world.syncer.resync()
    assert sorted(asked) == sorted(f"list {path_of(kind)}" for kind in KINDS_IN_ORDER)


async def test_what_was_found_and_could_not_be_read_is_found_again(world: World):
    world.declare("cart")
    await world.synced()
    world.declare("cart", "SEV-2")
    world.api.faults.append(Fault(503, path="incidents/cart"))
    with pytest.raises(KubeError):
        await world.syncer.resync()
    assert world.told == []
    await world.syncer.resync()
    assert "Incident cart" in world.told


async def test_what_the_watch_tells_within_the_grace_was_not_missed(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sync, "GRACE", 0.4)
    world.declare("slow")
    loop = asyncio.get_running_loop()

    async def tell_a_moment_later(request: Any) -> None:
        if request.path.endswith("/incidents"):
            raw = world.api.objects[path_of("Incident", "shop", "slow")]
            loop.call_later(0.2, world.cache.upsert, "Incident", raw)

    world.api.before = tell_a_moment_later
    await world.syncer.resync()
    assert world.told == []
    assert world.missed() == 0


async def test_what_was_created_after_the_list_is_not_taken_for_deleted(world: World):
    await world.synced()
    late = {"name": "late", "namespace": "shop", "uid": "u", "resourceVersion": str(world.api.version + 50)}
    world.cache.upsert("Incident", {"metadata": late, "spec": {}})
    await world.syncer.resync()
    assert world.told == []


async def test_a_kind_that_is_served_only_now_is_told_of(world: World):
    await world.synced()
    appeared: list[bool] = []
    world.syncer.on_appeared = lambda: appeared.append(True)
    world.api.faults.append(Fault(404, path="incidentupdates"))
    with pytest.raises(KubeError):
        await world.syncer.resync()
    assert world.syncer.problem.startswith("IncidentUpdate cannot be listed")
    await world.syncer.resync()
    assert (appeared, world.syncer.problem) == ([True], "")


async def test_a_request_is_answered_at_once_and_kept_where_the_server_is_gone(world: World):
    await world.synced()
    world.declare("cart")
    world.api.faults.append(Fault(503))
    world.syncer.start(period=3600)
    world.syncer.request()
    stalled: list[bool] = []
    world.syncer.on_missed = lambda: stalled.append(True)
    await until(lambda: world.told == ["Incident cart"])
    await world.syncer.stop()
    assert stalled == []


async def test_it_compares_every_so_often(world: World):
    await world.synced()
    world.declare("cart")
    stalled: list[bool] = []
    world.syncer.on_missed = lambda: stalled.append(True)
    world.syncer.start(period=0.001)
    await until(lambda: stalled == [True])
    assert world.told == ["Incident cart"]
    assert world.syncer.running
    await world.syncer.stop()
