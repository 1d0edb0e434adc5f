"""Secrets are read when used, kept for a minute, and shown to nobody."""

import asyncio
import base64
import traceback

import pytest

from tests.shell.fake_api import FakeApi, Fault
from tests.shell.fake_time import FakeTime
from watchbill.api.reasons import Reason
from watchbill.shell.kube import Kube, Unreachable
from watchbill.shell.paths import core_path
from watchbill.shell.secrets import SecretProblem, SecretReader, fingerprint

PATH = core_path("secrets", "shop", "pager")
PAGER = ("shop", "pager", "key")


def store(api: FakeApi, **values: str | bytes) -> None:
    content = {key: value.encode() if isinstance(value, str) else value for key, value in values.items()}
    api.put(PATH, data={key: base64.b64encode(value).decode() for key, value in content.items()})


@pytest.fixture
def reader(kube: Kube, time: FakeTime) -> SecretReader:
    return SecretReader(kube, time.monotonic, "watchbill:watchbill")


async def test_a_value_is_read_without_white_space_around_it(reader: SecretReader, api: FakeApi):
    store(api, key=" s3cret\n")
    assert await reader.read(*PAGER) == "s3cret"


async def test_a_secret_is_read_at_most_once_a_minute(reader: SecretReader, api: FakeApi, time: FakeTime):
    store(api, key="old", other="x")
    await asyncio.gather(*(reader.read(*PAGER) for _ in range(10)), reader.read("shop", "pager", "other"))
    store(api, key="new")
    time.advance(59)
    assert await reader.read(*PAGER) == "old"
    assert len(api.requests) == 1
    time.advance(1)
    assert await reader.read(*PAGER) == "new"


async def test_after_a_refusal_it_is_read_again_at_once(reader: SecretReader, api: FakeApi):
    store(api, key="old")
    await reader.read(*PAGER)
    store(api, key="new")
    reader.invalidate("shop", "pager")
    assert await reader.read(*PAGER) == "new"


async def test_the_last_good_value_serves_while_the_server_is_unreachable(
    reader: SecretReader, api: FakeApi, time: FakeTime
):
    store(api, key="good")
    await reader.read(*PAGER)
    api.silent = True
    time.advance(3600)
    reader.invalidate("shop", "pager")
    assert await reader.read(*PAGER) == "good"


async def test_what_was_never_read_is_unreachable_while_the_server_is(reader: SecretReader, api: FakeApi):
    api.silent = True
    with pytest.raises(Unreachable):
        await reader.read(*PAGER)


@pytest.mark.parametrize("value", [b"", b"\xff\xfe", b" \n"], ids=["empty", "no text", "blank"])
async def test_a_key_without_text_is_missing(reader: SecretReader, api: FakeApi, value: bytes):
    store(api, key=value)
    with pytest.raises(
        SecretProblem, match=r"Secret pager has no text under the key key; set it: "
    ) as raised:
        await reader.read(*PAGER)
    assert raised.value.reason is Reason.SECRET_KEY_MISSING


async def test_a_secret_that_is_not_there_is_missed_and_found_as_soon_as_it_is(
    reader: SecretReader, api: FakeApi
):
    with pytest.raises(SecretProblem, match=r"kubectl -n shop create secret generic pager") as raised:
        await reader.read(*PAGER)
    assert raised.value.reason is Reason.SECRET_NOT_FOUND
    store(api, key="good")
    assert await reader.read(*PAGER) == "good"


async def test_who_may_not_read_says_the_exact_command(reader: SecretReader, api: FakeApi):
    api.faults.append(Fault(403))
    with pytest.raises(SecretProblem) as raised:
        await reader.read(*PAGER)
    assert raised.value.reason is Reason.SECRET_FORBIDDEN
    assert (
        "kubectl -n shop create rolebinding watchbill-secrets --clusterrole=watchbill-secret-reader "
        "--serviceaccount=watchbill:watchbill"
    ) in raised.value.message


async def test_a_secret_that_was_taken_away_serves_no_more(
    reader: SecretReader, api: FakeApi, time: FakeTime
):
    store(api, key="good")
    await reader.read(*PAGER)
    time.advance(61)
    del api.objects[PATH]
    with pytest.raises(SecretProblem):
        await reader.read(*PAGER)
    api.silent = True
    with pytest.raises(Unreachable):
        await reader.read(*PAGER)


async def test_no_problem_shows_a_value(reader: SecretReader, api: FakeApi):
    store(api, other="s3cret")
    with pytest.raises(SecretProblem) as raised:
        await reader.read(*PAGER)
    shown = "".join(traceback.format_exception(raised.value)) + repr(reader._held)
    assert "s3cret" not in shown


def test_a_fingerprint_tells_credentials_apart_for_one_incident_alone():
    values = {"pagerDuty.routingKeySecretRef": "a"}
    first = fingerprint("uid-1", values)
    assert len(first) == 8
    assert int(first, 16) >= 0
    assert fingerprint("uid-1", dict(values)) == first
    assert fingerprint("uid-1", {"pagerDuty.routingKeySecretRef": "b"}) != first
    assert fingerprint("uid-2", values) != first
    assert fingerprint("u", {"a": "bc", "d": ""}) != fingerprint("u", {"a": "b", "cd": ""})
