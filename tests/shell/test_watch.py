"""What kopf is told: events only, nothing stored, and no outage that ends it."""

import asyncio
import itertools
from typing import Any
from urllib.parse import unquote

import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.shell.fake_time import FakeTime
from watchbill.api.kinds import KINDS
from watchbill.shell.credentials import Credentials
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import lists_of, path_of
from watchbill.shell.pauses import CappedForever
from watchbill.shell.unlisted import NOBODYS, unlisted
from watchbill.shell.watch import (
    Watch,
    assert_only_events,
    registered,
    settings,
)


def registry() -> kopf.OperatorRegistry:
    return registered(_async_nothing, lambda kind, type_, raw: None)


def test_every_kind_is_watched_by_one_handler_of_events():
    handlers = registry()._watching.get_all_handlers()
    assert {str(handler.id) for handler in handlers} == {f"watch-{kind.plural}" for kind in KINDS}
    assert len(handlers) == len(KINDS)


def test_a_handler_of_changes_is_refused():
    made = registry()

    @kopf.on.create("watchbill.dev", "v1alpha1", "incidents", registry=made)
    async def create(**_: object) -> None: ...

    with pytest.raises(AssertionError, match="may be registered with kopf"):
        assert_only_events(made)


def test_a_daemon_a_timer_an_index_and_a_webhook_are_refused():
    def daemon(made: kopf.OperatorRegistry) -> None:
        kopf.daemon("incidents", registry=made)(_async_nothing)

    def timer(made: kopf.OperatorRegistry) -> None:
        kopf.timer("incidents", interval=1, registry=made)(_async_nothing)

    def index(made: kopf.OperatorRegistry) -> None:
        kopf.index("incidents", registry=made)(_async_nothing)

    def webhook(made: kopf.OperatorRegistry) -> None:
        kopf.on.validate("incidents", registry=made)(_async_nothing)

    for register in (daemon, timer, index, webhook):
        made = registry()
        register(made)
        with pytest.raises(AssertionError):
            assert_only_events(made)


async def _async_nothing(**_: object) -> Any: ...


def test_kopf_stores_nothing_scans_nothing_posts_nothing_and_kills_nobody():
    chosen = settings()
    assert chosen.process.ultimate_exiting_timeout is None
    assert chosen.peering.standalone
    assert chosen.scanning.disabled
    assert not chosen.posting.enabled
    assert chosen.watching.server_timeout == 30, "begun anew over the same connection, well within a minute"
    assert chosen.watching.inactivity_timeout == 35
    body = kopf.Body({"metadata": {}, "spec": {"a": 1}})
    patch = kopf.Patch()
    diffbase, progress = chosen.persistence.diffbase_storage, chosen.persistence.progress_storage
    essence = diffbase.build(body=body)
    diffbase.store(body=body, patch=patch, essence=essence)
    assert (essence, diffbase.fetch(body=body)) == ({}, None)
    assert progress.clear(essence=essence) is essence
    assert not patch


def test_the_pauses_between_tries_grow_and_never_end():
    pauses = CappedForever(0.2, 2, 30)
    assert list(itertools.islice(pauses, 9)) == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30])
    assert next(itertools.islice(pauses, 100_000, None)) == 30
    assert not hasattr(pauses, "__len__")


class Kopf:
    """What the watch supervises, and whether it was started again."""

    ready = True
    restarts = 0

    def restart(self) -> None:
        self.restarts += 1


async def test_a_kopf_that_does_nothing_for_a_minute_is_started_again(time: FakeTime, metrics: Metrics):
    delivered: list[str] = []
    watch = Watch(
        Credentials("http://127.0.0.1:1"),
        time.clock(),
        metrics,
        lambda kind, type_, raw: delivered.append(kind),
    )
    kopf_stub = Kopf()
    watch._kopf = kopf_stub  # type: ignore[assignment]  # a kopf that is stuck on demand
    time.advance(59)
    watch._take("Incident", "ADDED", {})
    time.advance(59)
    watch.restart_if_stuck()
    assert (delivered, kopf_stub.restarts) == (["Incident"], 0)
    time.advance(2)
    watch.restart_if_stuck()
    assert kopf_stub.restarts == 1
    kopf_stub.ready = False
    watch.restart_if_stuck()
    assert kopf_stub.restarts == 1


async def test_kopf_is_told_who_it_is_and_asks_for_no_users_name(
    time: FakeTime, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
):
    told: dict[str, Any] = {}

    async def operator(**named: Any) -> None:
        told.update(named)

    monkeypatch.setattr(kopf, "operator", operator)
    watch = Watch(Credentials("http://127.0.0.1:1"), time.clock(), metrics, lambda kind, type_, raw: None)
    await watch._operate(asyncio.Event(), asyncio.Event())
    assert told["identity"]


async def test_the_watch_is_fresh_while_it_is_answered_or_told(time: FakeTime, metrics: Metrics):
    watch = Watch(Credentials("http://127.0.0.1:1"), time.clock(), metrics, lambda kind, type_, raw: None)
    time.advance(30)
    assert watch.silent_for == 30
    for status in (403, 500):
        watch._note_sign()
        watch._note_answer(status)
        assert watch.silent_for == 30, "a refusal tells nothing"
    watch._note_answer(200)
    assert watch.silent_for == 0
    time.advance(30)
    watch._take("Incident", "ADDED", {})
    assert watch.silent_for == 0


async def asked(path: str, method: str = "GET", status: int = 200) -> tuple[str, list[str]]:
    """What is asked of the server where this is asked for, and of which lists is told."""
    told: list[str] = []
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path_qs)
        return web.Response(status=status)

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(application) as server:
        credentials = Credentials(str(server.make_url("")).rstrip("/"))
        async with credentials.session(
            1, lambda: None, lambda status: None, unlisted([INCIDENTS], told.append)
        ) as session:
            await session.request(method, credentials.server + path)
    [found] = seen
    return found, told


INCIDENTS = "/apis/watchbill.dev/v1alpha1/incidents"


async def test_a_list_of_kopfs_finds_nothing_and_tells_from_where_on_it_watches():
    found, told = await asked(f"{INCIDENTS}?limit=500")
    assert unquote(found) == f"{INCIDENTS}?limit=500&labelSelector={NOBODYS}"
    assert told == [INCIDENTS]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{INCIDENTS}?watch=true&resourceVersion=7"),
        ("GET", "/apis/watchbill.dev/v1alpha1"),
        ("PATCH", INCIDENTS),
    ],
)
async def test_all_else_that_kopf_asks_is_asked_as_it_is(method: str, path: str):
    assert await asked(path, method) == (path, [])


async def test_of_a_list_that_is_refused_nothing_is_told():
    assert (await asked(INCIDENTS, status=403))[1] == []


async def test_in_few_namespaces_all_is_watched_once_each_kind_is_in_each(time: FakeTime, metrics: Metrics):
    watch = Watch(Credentials("http://127.0.0.1:1"), time.clock(), metrics, lambda kind, type_, raw: None)
    watch.namespaces = ("shop", "bank")
    paths = lists_of(watch.namespaces)
    assert len(paths) == 2 * len(KINDS) - 1, "classes stand in none"
    for path in paths:
        assert not await watch.all_watched(0)
        watch._note_list(path)
        await asyncio.sleep(0)
    assert await watch.all_watched(0)


async def test_every_kind_is_watched_once_each_was_listed_and_a_second_list_is_a_gap(
    time: FakeTime, metrics: Metrics
):
    watch = Watch(Credentials("http://127.0.0.1:1"), time.clock(), metrics, lambda kind, type_, raw: None)
    gaps: list[bool] = []
    watch.on_gap = lambda: gaps.append(True)
    for kind in KINDS:
        assert not await watch.all_watched(0)
        watch._note_list(path_of(kind.name))
        await asyncio.sleep(0)
    assert await watch.all_watched(0)
    assert gaps == []
    watch._note_list(INCIDENTS)
    await asyncio.sleep(0)
    assert gaps == [True]
    watch._ended()
    watch._note_list(INCIDENTS)
    await asyncio.sleep(0)
    assert len(gaps) == 2
