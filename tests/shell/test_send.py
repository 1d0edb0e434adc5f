"""The one sender: what it makes of every way in which a send can end, and what it does not send."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.providers.pages import KEY, incident, page, settings_for, trigger
from tests.shell.sending import (
    WEBHOOK,
    Vendor,
    always,
    cancelled,
    failing,
    to,
)
from tests.shell.settling import advance, settle
from tests.support.vendor import response
from watchbill.core.effects import SendPage
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Rate, Request, Response, Settings, Verdict
from watchbill.providers.registry import PROVIDERS
from watchbill.providers.webhook import WebhookProvider
from watchbill.shell.metrics import Metrics


async def test_settings_that_cannot_work_are_permanent_and_send_nothing():
    vendor = Vendor()
    settings = settings_for("webhook")
    broken = Settings(settings.vendor, {**settings.secrets, "webhook.urlSecretRef": "no URL at all"})
    verdict = await vendor.sender.attempt(WEBHOOK, trigger(), broken, rank=1, still_wanted=always)
    assert verdict is not None
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "Misconfigured")
    assert verdict.message.startswith("spec.webhook.urlSecretRef: ")
    assert "no URL at all" not in verdict.message
    assert vendor.seen == []


async def test_what_is_no_longer_wanted_when_its_turn_comes_is_not_sent_and_costs_no_token():
    vendor = Vendor()
    answers = [
        await vendor.sender.attempt(
            WEBHOOK, trigger(), to("http://pager.example.com/"), rank=1, still_wanted=lambda: False
        )
        for _ in range(WEBHOOK.rate.burst * 3)
    ]
    assert set(answers) == {None}
    assert vendor.seen == []
    assert (await vendor.post()).result is Result.OK


async def test_it_is_asked_when_the_page_leaves_the_queue_and_not_when_it_came():
    vendor = Vendor(lambda request: response(429, headers={"retry-after": "5"}))
    await vendor.post()
    wanted = True
    waiting = asyncio.create_task(
        vendor.sender.attempt(
            WEBHOOK,
            trigger(),
            to("http://pager.example.com/"),
            rank=1,
            still_wanted=lambda: wanted,
        )
    )
    await settle()
    wanted = False
    await advance(vendor.time, 6)
    assert await waiting is None
    assert len(vendor.seen) == 1


class Slow(WebhookProvider):
    rate = Rate(burst=1, per_second=1)


async def test_the_worst_severity_is_sent_first():
    vendor = Vendor()
    tasks = []
    for rank in (4, 3, 2, 1):
        facts = incident(rank=rank, severity=f"SEV-{rank}")
        effect = SendPage(facts, page(), 0)
        attempt = vendor.sender.attempt(
            Slow(), effect, to("http://pager.example.com/"), rank=rank, still_wanted=always
        )
        tasks.append(asyncio.create_task(attempt))
        await settle()
    await advance(vendor.time, 5)
    await asyncio.gather(*tasks)
    severities = [f"SEV-{rank}" for rank in (4, 1, 2, 3)]
    assert [next(s for s in severities if s in request.body.decode()) for request in vendor.seen] == (
        severities
    )


async def test_how_long_sends_wait_for_their_turn_is_measured_of_those_too_whose_turn_does_not_come(
    metrics: Metrics,
):
    class Slower(WebhookProvider):
        rate = Rate(burst=2, per_second=0.25)

    vendor = Vendor()
    vendor.sender.measure(metrics)
    settings = to("http://pager.example.com/")
    attempts = [
        asyncio.create_task(vendor.sender.attempt(Slower(), trigger(), settings, rank=1, still_wanted=always))
        for _ in range(5)
    ]
    for _ in range(10):
        await advance(vendor.time, 1)
    await asyncio.gather(*attempts)
    assert len(vendor.seen) == 4
    value = metrics.registry.get_sample_value
    counted = [
        value("watchbill_send_wait_seconds_bucket", {"integration": "webhook", "le": le})
        for le in ("0.001", "2.5", "5.0", "10.0")
    ]
    assert counted == [2, 2, 3, 5], "two at once, one after 4 s, one after 8 s, and one refused after 10 s"
    assert value("watchbill_send_wait_seconds_count", {"integration": "smtp"}) == 0


async def test_who_finds_no_room_within_the_deadline_comes_back_as_rate_limited():
    class Slower(WebhookProvider):
        rate = Rate(burst=1, per_second=0.01)

    vendor = Vendor()
    attempts = [
        asyncio.create_task(
            vendor.sender.attempt(
                Slower(), trigger(), to("http://pager.example.com/"), rank=1, still_wanted=always
            )
        )
        for _ in range(2)
    ]
    await advance(vendor.time, 10)
    first, second = await asyncio.gather(*attempts)
    assert first == Verdict(Result.OK)
    assert second is not None
    assert (second.result, second.reason, second.after) == (
        Result.RETRY, "RateLimited", timedelta(seconds=90),
    )  # fmt: skip
    assert len(vendor.seen) == 1


async def test_a_vendor_that_wants_silence_gets_it_from_this_connection_alone():
    vendor = Vendor(lambda request: response(429, headers={"retry-after": "60"}))
    await vendor.post("limited")
    again = await vendor.post("limited")
    assert (again.result, again.reason, again.after) == (
        Result.RETRY, "RateLimited", timedelta(seconds=60),
    )  # fmt: skip
    vendor.answer = lambda request: response(202)
    assert (await vendor.post("other")).result is Result.OK
    await advance(vendor.time, 60)
    assert (await vendor.post("limited")).result is Result.OK


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda request: response(500), id="answers 500"),
        pytest.param(failing(ConnectionRefusedError), id="takes no connection"),
        pytest.param(failing(TimeoutError), id="does not answer"),
    ],
)
async def test_the_breaker_opens_for_a_vendor_that(answer: Callable[[Request], Response]):
    vendor = Vendor(answer)
    for _ in range(5):
        await vendor.post()
    refused = await vendor.post()
    assert (refused.result, refused.reason, refused.after) == (
        Result.RETRY, "BreakerOpen", timedelta(seconds=30),
    )  # fmt: skip
    assert len(vendor.seen) == 5


@pytest.mark.parametrize("status", [400, 401, 404, 429])
async def test_a_vendor_that_answers_is_not_broken(status: int):
    vendor = Vendor(lambda request: response(status))
    verdicts = [await vendor.post() for _ in range(9)]
    assert {verdict.reason for verdict in verdicts} == {f"HTTP{status}"}


async def test_after_the_pause_one_probe_decides():
    vendor = Vendor(failing(ConnectionRefusedError))
    for _ in range(5):
        await vendor.post()
    await advance(vendor.time, 30)
    reasons = [(await vendor.post()).reason, (await vendor.post()).reason]
    vendor.answer = lambda request: response(202)
    await advance(vendor.time, 30)
    results = [(await vendor.post()).result for _ in range(3)]
    assert reasons == ["ConnectFailed", "BreakerOpen"]
    assert results == [Result.OK] * 3


async def test_a_send_that_is_cancelled_says_nothing_of_the_vendor():
    vendor = Vendor(failing(ConnectionRefusedError))
    for _ in range(4):
        await vendor.post()
    vendor.answer = cancelled
    with pytest.raises(asyncio.CancelledError):
        await vendor.post()
    vendor.answer = failing(ConnectionRefusedError)
    assert [(await vendor.post()).reason for _ in range(2)] == ["ConnectFailed", "BreakerOpen"]


async def test_a_probe_that_is_cancelled_leaves_the_probe_to_the_next():
    vendor = Vendor(failing(ConnectionRefusedError))
    for _ in range(5):
        await vendor.post()
    await advance(vendor.time, 30)
    vendor.answer = cancelled
    with pytest.raises(asyncio.CancelledError):
        await vendor.post()
    vendor.answer = lambda request: response(202)
    assert (await vendor.post()).result is Result.OK


async def test_the_console_writes_a_line_and_sends_nothing():
    vendor = Vendor()
    with capture_logs() as logs:
        verdict = await vendor.sender.attempt(
            PROVIDERS["console"], trigger(), settings_for("console"), rank=1, still_wanted=always
        )
    assert verdict == Verdict(Result.OK)
    assert vendor.seen == []
    [line] = logs
    assert KEY in line["event"]
    assert "Checkout returns 500" in line["event"]


async def test_the_console_writes_nothing_that_is_no_longer_wanted():
    with capture_logs() as logs:
        verdict = await Vendor().sender.attempt(
            PROVIDERS["console"], trigger(), settings_for("console"), rank=1, still_wanted=lambda: False
        )
    assert (verdict, logs) == (None, [])
