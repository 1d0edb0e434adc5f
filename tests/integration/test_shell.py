"""The shell's infrastructure against a real API server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from dev.cluster import Cluster
from tests.support.kubectl import Kubectl
from tests.support.lists import listed
from watchbill.shell.cache import Cache, ObjectKey
from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials, from_kubeconfig
from watchbill.shell.events import Recorder
from watchbill.shell.fresh import FreshReads
from watchbill.shell.inbox import Inbox
from watchbill.shell.kube import Conflict, Forbidden, Invalid, Kube, NotFound
from watchbill.shell.leader import Elector, LeaseName
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import path_of
from watchbill.shell.secrets import SecretProblem, SecretReader
from watchbill.shell.sync import Syncer
from watchbill.shell.watch import Watch

pytestmark = pytest.mark.cluster

FAREWELL = 0.25
"""Seconds in which TLS connections close after their sessions have (aiohttp, "Graceful Shutdown")."""


class Shell:
    """Credentials, a clock and metrics, and sessions that end with the test."""

    def __init__(self, cluster: Cluster, stack: AsyncExitStack) -> None:
        self.clock, self.metrics, self.cache = Clock(), Metrics(), Cache()
        self.admin = from_kubeconfig([cluster.kubeconfig])
        self.operator = from_kubeconfig([cluster.operator_kubeconfig])
        self._stack = stack
        self.changed: set[tuple[str, str]] = set()
        self.deleted: set[str] = set()
        self.inbox = Inbox(
            self.cache,
            lambda key, raw: self.changed.add((key.kind, key.name)),
            lambda key, last: self.deleted.add(key.name),
        )

    def kube(self, credentials: Credentials) -> Kube:
        made = Kube(credentials, self.clock, self.metrics)
        self._stack.push_async_callback(made.close)
        return made


@pytest.fixture
async def shell(cluster: Cluster) -> AsyncIterator[Shell]:
    async with AsyncExitStack() as stack:
        yield Shell(cluster, stack)
    await asyncio.sleep(FAREWELL)


@pytest.fixture
async def kube(shell: Shell) -> Kube:
    return shell.kube(shell.admin)


def incident(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "watchbill.dev/v1alpha1",
        "kind": "Incident",
        "metadata": {"name": name},
        "spec": {"title": "carts are empty", "severity": "SEV-1"},
    }


OBJECTS: dict[str, dict[str, Any]] = {
    "Connection": {"console": {}},
    "EscalationPolicy": {
        "levels": [
            {"name": "primary", "escalateAfter": "5m", "targets": [{"connectionRef": {"name": "console"}}]}
        ],
        "lastResort": {"targets": [{"connectionRef": {"name": "console"}}]},
    },
    "IncidentUpdate": {"incidentRef": {"name": "cart"}, "audience": ["Internal"], "text": "looking"},
}


async def create(kube: Kube, namespace: str, kind: str, name: str, spec: dict[str, Any]) -> None:
    body = {"apiVersion": "watchbill.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    await kube.post(path_of(kind, namespace), body)


async def until(fact: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not fact():
            await asyncio.sleep(0.01)


async def test_a_list_is_paged(kube: Kube, namespace: str):
    for number in range(5):
        await kube.post(path_of("Incident", namespace), incident(f"cart-{number}"))
    listing = await listed(kube, path_of("Incident", namespace), limit=2)
    assert [item["metadata"]["name"] for item in listing.items] == [f"cart-{number}" for number in range(5)]
    assert int(listing.resource_version) > 0
    metadata = await listed(kube, path_of("Incident", namespace), limit=2, metadata_only=True)
    assert len(metadata.items) == 5
    assert not any("spec" in item for item in metadata.items)


async def test_a_stale_status_patch_is_a_conflict_and_a_uid_in_it_is_ignored(kube: Kube, namespace: str):
    path = path_of("Incident", namespace, "cart")
    created = await kube.post(path_of("Incident", namespace), incident("cart"))
    stale = {"resourceVersion": created["metadata"]["resourceVersion"]}
    wrong = stale | {"uid": "00000000-0000-0000-0000-000000000000"}
    changed = await kube.patch_status(path, {"metadata": wrong, "status": {"phase": "Triggered"}})
    assert changed["status"] == {"phase": "Triggered"}
    assert changed["metadata"]["uid"] == created["metadata"]["uid"]
    with pytest.raises(Conflict):
        await kube.patch_status(path, {"metadata": stale, "status": {"phase": "Resolved"}})
    same = await kube.patch_status(path, {"status": {"phase": "Triggered"}})
    assert same["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]
    removed = await kube.patch_status(path, {"status": {"phase": None}})
    assert "phase" not in (removed.get("status") or {})


async def test_refusals_are_told_apart(shell: Shell, kube: Kube, namespace: str):
    path = path_of("Incident", namespace, "cart")
    with pytest.raises(NotFound):
        await kube.get(path)
    await kube.post(path_of("Incident", namespace), incident("cart"))
    with pytest.raises(Conflict) as raised:
        await kube.post(path_of("Incident", namespace), incident("cart"))
    assert raised.value.reason == "AlreadyExists"
    with pytest.raises(Invalid, match="severity"):
        await kube.patch(path, {"spec": {"severity": "not a severity!"}})
    with pytest.raises(Forbidden):
        await shell.kube(shell.operator).get(f"/api/v1/namespaces/{namespace}/secrets/pager")
    assert not shell.clock.skewed
    assert kube.unreachable_since is None


async def test_of_two_electors_one_leads_and_the_other_follows_at_once_after_a_stop(
    shell: Shell, namespace: str
):
    electors = [
        Elector(shell.kube(shell.admin), shell.clock, Metrics(), LeaseName(namespace, "watchbill", identity))
        for identity in ("first", "second")
    ]
    for elector in electors:
        elector.start()
    first, second = electors
    try:
        await until(lambda: any(elector.is_leader() for elector in electors))
        leader, follower = (first, second) if first.is_leader() else (second, first)
        await until(lambda: follower.holder != "")
        assert not follower.is_leader()
        assert 0 < leader.valid_for() <= 7
        await leader.stop()
        assert not leader.is_leader()
        await until(follower.is_leader, seconds=5)
    finally:
        for elector in electors:
            await elector.stop()


async def test_a_leader_that_ends_without_a_word_is_followed_ten_seconds_later(shell: Shell, namespace: str):
    now = 0.0
    clock = Clock(monotonic=lambda: now)
    kube = Kube(shell.admin, shell.clock, shell.metrics)
    try:
        first = Elector(kube, clock, Metrics(), LeaseName(namespace, "watchbill", "first"))
        second = Elector(kube, clock, Metrics(), LeaseName(namespace, "watchbill", "second"))
        await first.attempt()
        await second.attempt()
        now = 9.0
        await second.attempt()
        assert (first.is_leader(), second.is_leader()) == (False, False)
        now = 10.0
        await second.attempt()
        assert second.is_leader()
    finally:
        await kube.close()


async def test_kopf_tells_of_every_kind_and_survives_being_killed(
    shell: Shell, kube: Kube, kubectl: Kubectl, namespace: str
):
    operator = shell.kube(shell.operator)
    fresh = FreshReads(operator, shell.cache, shell.clock.monotonic)
    syncer = Syncer(operator, shell.cache, shell.metrics, shell.inbox.deliver, fresh)
    watch = Watch(shell.operator, shell.clock, shell.metrics, shell.inbox.deliver)
    watch.on_gap = syncer.request
    syncer.on_appeared = watch.restart
    await syncer.first_sync()
    syncer.start(period=3600)
    watch.start()
    try:
        # What is created before kopf watches, the comparison finds and kopf never tells.
        assert await watch.all_watched(10)
        class_name = f"{namespace[:40]}-class"
        severities = [{"name": "SEV-1", "rank": 1, "escalation": {"policyName": "ladder"}}]
        escalation = {"policyRef": {"name": "ladder", "namespace": namespace}}
        matrix = {"severities": severities, "defaultEscalation": escalation}
        await create(kube, "", "IncidentClass", class_name, matrix)
        for kind, spec in OBJECTS.items():
            await create(kube, namespace, kind, "watched", spec)
        for name in ("cart", "gone"):
            await kube.post(path_of("Incident", namespace), incident(name))
        wanted = {(kind, "watched") for kind in OBJECTS} | {("Incident", "cart"), ("Incident", "gone")}
        await until(lambda: wanted | {("IncidentClass", class_name)} <= shell.changed)
        assert watch.last_event_time is not None

        _cancel_kopf(watch)
        await until(lambda: not watch.watching)
        cancelled = {"spec": {"state": "Cancelled", "stateReason": "a false alarm"}}
        # Deleted while nobody watches: only the list that the restart asks for can tell.
        await kube.patch(path_of("Incident", namespace, "gone"), cancelled)
        await kube.delete(path_of("Incident", namespace, "gone"))
        await until(lambda: watch.watching)
        await until(lambda: "gone" in shell.deleted)
        await kube.post(path_of("Incident", namespace), incident("after"))
        await until(lambda: ("Incident", "after") in shell.changed)
        assert shell.metrics.registry.get_sample_value("watchbill_watch_restarts_total") == 1
    finally:
        await watch.stop()
        await syncer.stop()
    assert not watch.watching


def _cancel_kopf(watch: Watch) -> None:
    run = watch._kopf._run
    assert run is not None
    assert run._loop is not None
    loop = run._loop

    def cancel() -> None:
        (operator,) = [task for task in asyncio.all_tasks(loop) if "_operate" in repr(task.get_coro())]
        operator.cancel()

    loop.call_soon_threadsafe(cancel)


async def test_a_secret_is_read_once_the_tenant_allows_it(
    shell: Shell, kube: Kube, kubectl: Kubectl, namespace: str
):
    kubectl("-n", namespace, "create", "secret", "generic", "pager", "--from-literal=key=s3cret")
    reader = SecretReader(shell.kube(shell.operator), shell.clock.monotonic, "watchbill:watchbill")
    with pytest.raises(SecretProblem) as raised:
        await reader.read(namespace, "pager", "key")
    command = raised.value.message.partition("let it: kubectl ")[2]
    kubectl(*command.split())
    async with asyncio.timeout(10):
        while await allowed(reader, namespace) != "s3cret":
            await asyncio.sleep(0.05)


async def allowed(reader: SecretReader, namespace: str) -> str | None:
    """The value, or None until the server has taken note of the binding."""
    try:
        return await reader.read(namespace, "pager", "key")
    except SecretProblem:
        return None


async def test_describe_shows_an_event_once_with_its_count(
    shell: Shell, kube: Kube, kubectl: Kubectl, namespace: str
):
    created = await kube.post(path_of("Incident", namespace), incident("cart"))
    for _ in range(2):
        recorder = Recorder(shell.kube(shell.operator), shell.clock, shell.metrics, "replica")
        recorder.start()
        recorder.record("Incident", created, "Triggered", "paging level primary", "Warning")
        await recorder.stop(grace=10)
    found = json.loads(kubectl("-n", namespace, "get", "events", "-o", "json").stdout)["items"]
    assert [(event["reason"], event["count"], event["type"]) for event in found] == [
        ("Triggered", 2, "Warning")
    ]
    assert "paging level primary" in kubectl("-n", namespace, "describe", "incident", "cart").stdout
    assert ObjectKey("Incident", namespace, "cart") == (created["kind"], namespace, "cart")
