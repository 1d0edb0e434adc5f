"""The thin client: pages, patches, and which error stands for which answer."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.shell.fake_api import FakeApi, Fault, connected
from tests.support.lists import listed
from watchbill.api.group import API_VERSION
from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials
from watchbill.shell.kube import (
    Conflict,
    Forbidden,
    Invalid,
    Kube,
    KubeError,
    NotFound,
    Refused,
    Unreachable,
)
from watchbill.shell.paths import path_of, resource_of

ALL = path_of("Incident")
CART = path_of("Incident", "shop", "cart")


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def since(kube: Kube) -> datetime | None:
    return kube.unreachable_since


@pytest.mark.parametrize(("limit", "requests"), [(2, 3), (5, 1), (500, 1)])
async def test_a_list_is_read_page_by_page(api: FakeApi, kube: Kube, limit: int, requests: int):
    for name in "abcde":
        api.put(path_of("Incident", "shop", name), spec={})
    listing = await listed(kube, ALL, limit)
    assert names(listing.items) == ["a", "b", "c", "d", "e"]
    assert listing.resource_version == str(api.version)
    assert len(api.requests) == requests


async def test_a_list_begins_anew_where_the_server_forgot_a_page(api: FakeApi, kube: Kube):
    for name in "abc":
        api.put(path_of("Incident", "shop", name), spec={})
    pages = []

    async def forget_the_second_page(request):
        pages.append("continue" in request.query)
        if len(pages) == 2:
            api.put(path_of("Incident", "shop", "d"), spec={})
            api.server.forget()

    api.before = forget_the_second_page
    assert names((await listed(kube, ALL, 2)).items) == ["a", "b", "c", "d"]
    assert pages == [False, True, False, True]


async def test_a_list_whose_pages_are_forgotten_for_ever_is_read_in_one(api: FakeApi, kube: Kube):
    api.put(CART, spec={})
    api.faults.extend([Fault(410)] * 3)
    assert names((await listed(kube, ALL, 1)).items) == ["cart"]


async def test_metadata_alone_can_be_listed(api: FakeApi, kube: Kube):
    api.put(CART, spec={"title": "carts are empty"})
    listing = await listed(kube, ALL, metadata_only=True)
    assert [sorted(item) for item in listing.items] == [["apiVersion", "kind", "metadata"]]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Refused),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, Invalid),
        (422, Invalid),
        (429, Refused),
        (500, Refused),
        (502, Unreachable),
        (503, Unreachable),
        (504, Unreachable),
    ],
)
async def test_an_answer_becomes_its_error(api: FakeApi, kube: Kube, status: int, kind: type[KubeError]):
    api.faults.append(Fault(status, {"message": "in its own words", "reason": "Because"}))
    with pytest.raises(KubeError) as raised:
        await kube.get(CART)
    assert type(raised.value) is kind
    assert (raised.value.status, raised.value.reason) == (status, "Because")
    assert raised.value.message == "in its own words"


async def test_a_server_says_how_long_to_wait(api: FakeApi, kube: Kube):
    api.faults.append(Fault(429, headers={"Retry-After": "7"}))
    with pytest.raises(Refused) as raised:
        await kube.get(CART)
    assert raised.value.retry_after == pytest.approx(7.0)


async def test_no_answer_is_unreachable_until_one_comes(api: FakeApi, kube: Kube):
    api.put(CART, spec={})
    api.silent = True
    with pytest.raises(Unreachable):
        await kube.get(CART)
    first = since(kube)
    with pytest.raises(Unreachable):
        await kube.get(CART)
    assert first is not None
    assert since(kube) == first
    api.silent = False
    await kube.get(CART)
    assert since(kube) is None


async def test_a_late_answer_is_unreachable(api: FakeApi, kube: Kube):
    release = asyncio.Event()

    async def hang(request):
        await release.wait()

    api.before = hang
    with pytest.raises(Unreachable):
        await kube.get(CART, timeout=0.01)
    release.set()


@pytest.mark.parametrize("content", ['{"kind": "Incident", "meta', "<html>Welcome</html>", "[]", ""])
async def test_an_answer_that_is_no_object_is_as_good_as_none(api: FakeApi, kube: Kube, content: str):
    api.put(CART)
    api.faults.append(Fault(200, content))
    with pytest.raises(Unreachable, match="no JSON object"):
        await kube.get(CART)
    assert kube.unreachable_since is not None
    await kube.get(CART)
    assert kube.unreachable_since is None


async def test_a_stale_status_patch_is_a_conflict_and_a_fresh_one_is_merged(api: FakeApi, kube: Kube):
    old = api.put(CART, spec={}, status={"phase": "Triggered", "commander": "ana"})["metadata"]
    body = {"metadata": {"resourceVersion": old["resourceVersion"]}, "status": {"commander": None}}
    changed = await kube.patch_status(CART, body)
    assert changed["status"] == {"phase": "Triggered"}
    with pytest.raises(Conflict):
        await kube.patch_status(CART, body)


async def test_objects_are_created_replaced_and_deleted(api: FakeApi, kube: Kube):
    body = {"apiVersion": API_VERSION, "kind": "Incident", "metadata": {"name": "cart"}, "spec": {"a": 1}}
    created = await kube.post(path_of("Incident", "shop"), body)
    replaced = await kube.put(CART, created | {"spec": {"a": 2}})
    assert (await kube.get(CART))["spec"] == replaced["spec"] == {"a": 2}
    await kube.delete(CART)
    with pytest.raises(NotFound):
        await kube.get(CART)


async def test_a_token_that_was_renewed_is_shown_at_once_after_a_refusal(api: FakeApi, tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("old\n")
    api.put(CART, spec={})
    async with connected(api, credentials=Credentials(api.url, token_path=token)) as kube:
        await kube.get(CART)
        token.write_text("new\n")
        api.faults.append(Fault(401))
        await kube.get(CART)
    assert api.authorizations == ["Bearer old", "Bearer old", "Bearer new"]


async def test_a_refused_token_that_was_not_renewed_is_an_error(api: FakeApi, tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("old\n")
    api.faults.append(Fault(401))
    async with connected(api, credentials=Credentials(api.url, token_path=token)) as kube:
        with pytest.raises(Refused):
            await kube.get(CART)
    assert len(api.requests) == 1


async def test_the_servers_clock_is_observed(api: FakeApi):
    api.put(CART, spec={})
    api.date = "Fri, 01 Jan 2100 00:00:00 GMT"
    clock = Clock()
    async with connected(api, clock) as kube:
        await kube.get(CART)
    assert clock.skew > timedelta(days=365)


async def test_requests_are_counted_by_what_they_are_about(api: FakeApi, kube: Kube):
    api.put(CART, spec={})
    await kube.get(CART)
    await kube.patch_status(CART, {"status": {}})
    value = kube._metrics.registry.get_sample_value
    labels = {"verb": "patch", "resource": "incidents/status", "code": "200"}
    assert value("watchbill_kube_requests_total", labels) == 1
    labels = {"verb": "get", "resource": "incidents"}
    assert value("watchbill_kube_request_duration_seconds_count", labels) == 1


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        (ALL, "incidents"),
        (CART, "incidents"),
        (f"{CART}/status", "incidents/status"),
        (path_of("IncidentClass", "ignored", "standard"), "incidentclasses"),
        ("/api/v1/namespaces/shop/secrets/pager", "secrets"),
        ("/api/v1/namespaces/shop", "namespaces"),
        ("/apis/coordination.k8s.io/v1/namespaces/watchbill/leases", "leases"),
        ("/version", "other"),
    ],
)
def test_a_path_is_about(path: str, resource: str):
    assert resource_of(path) == resource
