"""A Connection says beforehand that its host is denied; nothing is sent for that, and a wider list heals."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.shell.test_egress import Canary, canary
from tests.shell.world import BY_WEBHOOK, World
from tests.support.names import Names
from watchbill.core.egress import EgressPolicy
from watchbill.shell.egress import Egress
from watchbill.shell.paths import core_path, path_of
from watchbill.shell.reachable import MOST_ASKED, Reachable
from watchbill.shell.ready import ReadyKeeper
from watchbill.shell.web import Web

__all__ = ["canary"]

NAMES = {
    "public.example.com": ["1.1.1.1", "2606:4700::1111"],
    "inner.example.com": ["10.0.0.7"],
    "mixed.example.com": ["1.1.1.1", "127.0.0.1"],
}
TODO = "an administrator can add it to --egress-allow"


class Asked(Names):
    """Counts who asks, and may be silent."""

    def __init__(self) -> None:
        super().__init__(NAMES)
        self.count = 0
        self.silent = asyncio.Event()
        self.silent.set()

    async def resolve(self, *args: Any, **more: Any) -> Any:
        self.count += 1
        await self.silent.wait()
        return await super().resolve(*args, **more)


def reachable(names: Asked, *allowed: str) -> Reachable:
    return Reachable(Egress(EgressPolicy.read(allowed), lambda: names))


def denied(host: str, kind: str) -> str:
    return f"egress to {host} is denied: {kind} address; {TODO}"


HOSTS = {
    "a public name": ("public.example.com", (), "", 1),
    "a private name": ("inner.example.com", (), denied("inner.example.com", "private"), 1),
    "a name of both": ("mixed.example.com", (), denied("mixed.example.com", "loopback"), 1),
    "an address": ("[::1]", (), denied("[::1]", "loopback"), 0),
    "a name that is listed": ("inner.example.com", ("inner.example.com",), "", 0),
    "a network that is listed": ("inner.example.com", ("10.0.0.0/8",), "", 1),
    "a name without an address": ("nowhere.example.com", (), None, 1),
}


@pytest.mark.parametrize(("host", "allowed", "refusal", "asked"), HOSTS.values(), ids=HOSTS)
async def test_what_is_said_of(host: str, allowed: tuple[str, ...], refusal: str | None, asked: int):
    names = Asked()
    assert await reachable(names, *allowed).refusal(host) == refusal
    assert names.count == asked


async def test_without_the_filter_nobody_is_asked():
    names = Asked()
    assert await Reachable(Egress(None, lambda: names)).refusal("inner.example.com") == ""
    assert names.count == 0


async def test_a_silent_name_server_takes_little_and_what_was_so_stands(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("watchbill.shell.reachable.PATIENCE", 0.001)
    names = Asked()
    hosts = reachable(names)
    before = await hosts.refusal("inner.example.com")
    names.silent.clear()
    found = [await hosts.refusal(host) for host in ("public.example.com", "a.example.com", "b.example.com")]
    assert found == [None] * 3
    assert names.count == 1 + MOST_ASKED
    assert await hosts.refusal("inner.example.com") == before
    names.silent.set()


HOOK = {"name": "hook", "key": "url"}
CONNECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "a URL": ("webhook.url", {"webhook": {"url": "https://inner.example.com/a-path"}}),
    "an origin": (
        "slack.baseURL",
        {"slack": {"botTokenSecretRef": HOOK, "baseURL": "https://inner.example.com"}},
    ),
    "a URL of a Secret": (
        "webhook.urlSecretRef",
        {"webhook": {"urlSecretRef": HOOK}},
    ),
    "a mail server": (
        "smtp.host",
        {"smtp": {"host": "inner.example.com", "from": "a@example.com", "to": ["b@example.com"]}},
    ),
}


@pytest.mark.parametrize(("path", "spec"), CONNECTIONS.values(), ids=CONNECTIONS)
async def test_ready_says_which_host_is_denied_and_who_can_allow_it(
    world: World, path: str, spec: dict[str, Any]
):
    data = {"url": "aHR0cHM6Ly9pbm5lci5leGFtcGxlLmNvbS9hLXBhdGg="}  # https://inner.example.com/a-path
    world.api.put(core_path("secrets", "shop", "hook"), data=data)
    world.put("Connection", "pager", spec)
    names = Asked()

    async def judged(hosts: Reachable) -> tuple[dict[str, Any], timedelta | None]:
        write, now = world.kube.patch_status, world.clock.now
        again = await ReadyKeeper(world.cache, world.secrets, write, now, hosts).reconcile(
            "Connection", "shop", "pager"
        )
        world.tell(path_of("Connection", "shop", "pager"))
        (ready,) = world.api.objects[path_of("Connection", "shop", "pager")]["status"]["conditions"]
        return ready, again

    ready, again = await judged(reachable(names))
    assert (ready["status"], ready["reason"], again) == ("False", "EgressDenied", timedelta(seconds=60))
    assert ready["message"] == (
        f"spec.{path}: egress to inner.example.com is denied: private address; {TODO}, or to egress.allow "
        "of the chart"
    )
    ready, _ = await judged(reachable(names, "inner.example.com"))
    assert (ready["status"], ready["reason"]) == ("True", "ResolvedRefs")
    assert world.vendors.arrived == []


@pytest.mark.feature("F59")
async def test_what_was_denied_is_paged_once_the_operator_starts_with_a_wider_list(
    world: World, canary: Canary
):
    world.start(web=Web(Egress(EgressPolicy())))
    world.furnish(BY_WEBHOOK)
    world.put("Connection", "backup", {"webhook": {"url": f"http://127.0.0.1:{canary.port}/hook"}})
    world.declare()
    await world.run()
    assert {hop.reason for page in world.stored.pages for hop in page.hops} == {"EgressDenied"}
    assert canary.connections == 0
    await world.stop()
    world.start("operator#2", Web(Egress(EgressPolicy.read(["127.0.0.1"]))))
    world.pass_time(60)
    await world.run()
    assert canary.connections == 1
    assert world.hops[-1] == "Accepted"
