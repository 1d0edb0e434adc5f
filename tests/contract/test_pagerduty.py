"""PagerDuty's pages, held against its document on the way out and on the way back."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from dev.contract.fault_proxy import CUT_AFTER_DELIVERY, Fault
from dev.contract.tools import Tools
from dev.receiver import PAGERDUTY_PATH, Reaction, Receiver
from tests.contract.stage import Stage, stage
from tests.providers.pages import incident, page, request_for, settings_for
from tests.support.specs import vendor_document
from watchbill.api.connection import PagerDuty
from watchbill.core.effects import AcknowledgePage, PageEffect, ResolvePage, SendPage
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Request, Settings, Verdict
from watchbill.providers.pagerduty import PagerDutyProvider
from watchbill.shell.clock import Clock
from watchbill.shell.send import DEADLINE, Sender

KEYS = (f"contract.{number}" for number in itertools.count())
SECRETS = settings_for("pagerDuty").secrets
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def played(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    document = vendor_document("pagerduty/events-v2_openapiv3.json")
    with stage(tools, document, Receiver(), "", tmp_path_factory.mktemp("pagerduty")) as running:
        yield running


@pytest.fixture
def vendor(played: Stage) -> Stage:
    played.receiver.heal(PAGERDUTY_PATH)
    played.failing.script()
    return played


@pytest.fixture
def key() -> str:
    return next(KEYS)


async def send(
    effect: PageEffect, origin: str, provider: PagerDutyProvider | None = None, deadline: float = DEADLINE
) -> Verdict:
    """What the product's own sender makes of it."""
    secret = {"name": "pagerduty", "key": "routingKey"}
    settings = Settings(PagerDuty.model_validate({"routingKeySecretRef": secret, "baseURL": origin}), SECRETS)
    sender = Sender(Clock(), deadline=deadline)
    try:
        verdict = await sender.attempt(
            provider or PagerDutyProvider(), effect, settings, rank=1, still_wanted=lambda: True
        )
    finally:
        await sender.aclose()
    assert verdict is not None
    return verdict


def states(vendor: Stage, key: str) -> list[str]:
    return [alert.state for alert in vendor.receiver.alerts if alert.dedup_key == key]


async def test_a_page_is_opened_acknowledged_and_resolved(vendor: Stage, key: str):
    trigger = SendPage(incident(), page(key), 0)
    seen = []
    for effect in (
        trigger,
        AcknowledgePage(incident(), page(key), 0, by="ana"),
        ResolvePage(incident(), page(key), 0, by="bo"),
    ):
        verdict = await send(effect, vendor.checked)
        seen.append((verdict.result, verdict.external_id, *states(vendor, key)))
    assert seen == [
        (Result.OK, key, "triggered"),
        (Result.OK, key, "acknowledged"),
        (Result.OK, key, "resolved"),
    ]


async def test_the_vendors_refusal_passes_and_is_about_the_credential(vendor: Stage, key: str):
    complaint = {"status": "invalid event", "message": "no", "errors": ["Invalid routing key"]}
    refusal = Reaction(status=400, headers=JSON, body=json.dumps(complaint).encode())
    vendor.receiver.script(PAGERDUTY_PATH, refusal)
    verdict = await send(SendPage(incident(), page(key), 0), vendor.checked)
    assert (verdict.result, verdict.reason) == (Result.AUTH, "HTTP400")
    assert "Invalid routing key" in verdict.message


class Broken(PagerDutyProvider):
    """Sends our own word for how bad it is."""

    def build(self, effect: PageEffect, settings: Settings, now: datetime) -> Request:
        request = super().build(effect, settings, now)
        body = json.loads(request.body)
        body["payload"]["severity"] = "SEV-1"
        return replace(request, body=json.dumps(body).encode())


async def test_a_wrong_request_is_refused_and_never_arrives(vendor: Stage, key: str):
    before = len(vendor.receiver.requests)
    verdict = await send(SendPage(incident(), page(key), 0), vendor.checked, Broken())
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "HTTP422")
    assert len(vendor.receiver.requests) == before


def test_a_wrong_answer_of_the_fake_is_an_error_that_names_what_is_wrong(vendor: Stage, key: str):
    vendor.receiver.script(PAGERDUTY_PATH, Reaction(status=202, headers=JSON, body=b'{"status": 7}'))
    request = request_for("pagerDuty", SendPage(incident(), page(key), 0))
    answer = httpx.post(f"{vendor.checked}{PAGERDUTY_PATH}", content=request.body, headers=JSON, timeout=60)
    assert answer.status_code == 500
    found = answer.json()
    assert found["type"].endswith("#VIOLATIONS")
    assert [(each["location"], each["code"]) for each in found["validation"]] == [
        (["response", "body", "status"], "type")
    ]


async def test_an_answer_that_is_cut_after_delivery_is_unknown_and_a_retry_opens_nothing_more(
    vendor: Stage, key: str
):
    vendor.failing.script(CUT_AFTER_DELIVERY)
    first = await send(SendPage(incident(), page(key), 0), vendor.failing.url)
    assert (first.result, states(vendor, key)) == (Result.UNKNOWN, ["triggered"])
    again = await send(SendPage(incident(), page(key), 0, repeated=True), vendor.failing.url)
    assert (again.result, again.external_id) == (Result.OK, key)
    assert [(alert.state, alert.triggers) for alert in vendor.receiver.alerts if alert.dedup_key == key] == [
        ("triggered", 2)
    ]


def fails(fault: Fault, outcome: str, opened: int, sentence: str, deadline: float = DEADLINE) -> Any:
    return pytest.param(fault, deadline, outcome, opened, id=sentence)


@pytest.mark.parametrize(
    ("fault", "deadline", "outcome", "opened"),
    [
        fails(Fault("cut"), "unknown InvalidAnswer", 0, "cut before delivery"),
        fails(Fault("silent"), "unknown Timeout", 0, "no answer, nothing delivered", 0.5),
        fails(Fault("slow", delay=0.1), "ok ", 1, "late"),
        fails(Fault("slow", delivered=True, delay=60), "unknown Timeout", 1, "too late", 2),
        fails(Fault("answer", status=500), "retry HTTP500", 0, "a 500"),
        fails(Fault("answer", status=502), "retry HTTP502", 0, "a 502"),
        fails(Fault("answer", status=504), "retry HTTP504", 0, "a 504"),
        fails(Fault("answer", delivered=True, status=503), "retry HTTP503", 1, "a 503 after delivery"),
        fails(Fault("answer", delivered=True, body="<html>\0"), "unknown UnexpectedAnswer", 1, "garbage"),
    ],
)
async def test_each_way_to_fail_has_its_outcome(
    vendor: Stage, key: str, fault: Fault, deadline: float, outcome: str, opened: int
):
    vendor.failing.script(fault)
    verdict = await send(SendPage(incident(), page(key), 0), vendor.failing.url, deadline=deadline)
    assert f"{verdict.result} {verdict.reason}" == outcome
    assert len(states(vendor, key)) == opened


IN_42_SECONDS: dict[str, Callable[[datetime], tuple[Mapping[str, str], str]]] = {
    "Retry-After in seconds": lambda _: ({"Retry-After": "42"}, ""),
    "Retry-After as an HTTP date": lambda then: ({"Retry-After": format_datetime(then, usegmt=True)}, ""),
    "Retry-After as an ISO date": lambda then: ({"Retry-After": then.isoformat()}, ""),
    "ratelimit-reset in seconds": lambda _: ({"ratelimit-reset": "42"}, ""),
    "RateLimit-Reset in epoch seconds": lambda then: ({"RateLimit-Reset": f"{then.timestamp():.0f}"}, ""),
    "X-Ratelimit-Reset in epoch milliseconds": lambda then: (
        {"X-Ratelimit-Reset": f"{then.timestamp() * 1000:.0f}"},
        "",
    ),
    "X-RateLimit-Reset as an ISO date": lambda then: ({"X-RateLimit-Reset": then.isoformat()}, ""),
    "retry_after_ms in the body": lambda _: ({}, '{"retry_after_ms": 42000}'),
}


@pytest.mark.parametrize("form", IN_42_SECONDS)
async def test_a_429_is_waited_for_in_each_form_in_which_vendors_ask(vendor: Stage, key: str, form: str):
    headers, body = IN_42_SECONDS[form](datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=42))
    vendor.failing.script(Fault("answer", status=429, headers=headers, body=body))
    verdict = await send(SendPage(incident(), page(key), 0), vendor.failing.url)
    assert (verdict.result, states(vendor, key)) == (Result.RETRY, [])
    assert verdict.after is not None
    assert verdict.after.total_seconds() == pytest.approx(42, abs=10)


async def test_a_429_that_asks_for_no_wait_leaves_it_to_us(vendor: Stage, key: str):
    vendor.failing.script(Fault("answer", status=429))
    verdict = await send(SendPage(incident(), page(key), 0), vendor.failing.url)
    assert (verdict.result, verdict.after) == (Result.RETRY, None)
