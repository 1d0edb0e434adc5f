"""The one sender: what it makes of every way in which a send can end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from dev.receiver import Reaction, Receiver
from tests.providers.pages import KEY, SENDING, incident, page, settings_for, trigger
from tests.shell.fake_time import FakeTime
from tests.shell.settling import advance, settle
from watchbill.api.connection import Webhook
from watchbill.core.effects import SendPage
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Rate, Response, Settings, Verdict
from watchbill.providers.registry import PROVIDERS
from watchbill.providers.webhook import WebhookProvider
from watchbill.shell.clock import Clock
from watchbill.shell.rate import IN_FLIGHT
from watchbill.shell.send import BODY_LIMIT, Sender

WEBHOOK = PROVIDERS["webhook"]
SHORT = 1.0
"""A deadline in seconds that is real time in tests of hanging servers."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made = Sender(Clock())
    yield made
    await made.aclose()


@pytest.fixture
async def hasty() -> AsyncIterator[Sender]:
    made = Sender(Clock(), deadline=SHORT)
    yield made
    await made.aclose()


def to(url: str) -> Settings:
    return Settings(Webhook(url=url))


def always() -> bool:
    return True


async def post(sender: Sender, url: str, effect: SendPage | None = None) -> Verdict:
    verdict = await sender.attempt(WEBHOOK, effect or trigger(), to(url), rank=1, still_wanted=always)
    assert verdict is not None
    return verdict


def page_by(connection: str, rank: int = 3) -> SendPage:
    return SendPage(incident(rank=rank), page(connection=connection), 0)


class Vendor:
    """A vendor in this process, and a sender to it in virtual time."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.answer = answer or (lambda request: httpx.Response(202))
        self.seen: list[httpx.Request] = []
        self.time = FakeTime()
        transport = httpx.MockTransport(self._handle)
        self.sender = Sender(self.time.clock(), transport=transport, later=self.time.call_later)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answer(request)
        # As from a wire: what is already in memory cannot be streamed.
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content)
        )

    async def post(self, connection: str = "pager") -> Verdict:
        return await post(self.sender, "http://pager.example.com/hook", page_by(connection))


def failing(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("details")

    return answer


def cancelled(request: httpx.Request) -> httpx.Response:
    raise asyncio.CancelledError


# Real bytes.


async def test_a_page_arrives_word_for_word(sender: Sender, receiver: Receiver):
    verdict = await post(sender, f"{receiver.url}/hook")
    [request] = receiver.requests_to("/hook")
    assert verdict == Verdict(Result.OK)
    assert request.json["data"]["key"] == KEY
    assert request.headers["user-agent"].startswith("watchbill/")
    assert request.headers["idempotency-key"] == f"{KEY}/trigger"


async def test_without_a_listener_nothing_was_delivered(sender: Sender):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        verdict = await post(sender, f"http://127.0.0.1:{taken.getsockname()[1]}/hook")
    assert (verdict.result, verdict.reason) == (Result.RETRY, "ConnectFailed")


async def test_a_name_that_does_not_resolve_is_no_connection(sender: Sender):
    verdict = await post(sender, "http://pager.invalid/hook")
    assert (verdict.result, verdict.reason) == (Result.RETRY, "ConnectFailed")


@pytest.mark.parametrize(("kind", "reason"), [("reset", "Reset"), ("garbage", "InvalidAnswer")])
async def test_once_bytes_were_written_the_outcome_is_unknown(
    sender: Sender, receiver: Receiver, kind: Any, reason: str
):
    receiver.script("/hook", Reaction(kind))
    verdict = await post(sender, f"{receiver.url}/hook")
    assert (verdict.result, verdict.reason) == (Result.UNKNOWN, reason)
    assert len(receiver.requests_to("/hook")) == 1


async def test_without_an_answer_in_time_the_outcome_is_unknown(hasty: Sender, receiver: Receiver):
    receiver.script("/hook", Reaction("hang"))
    verdict = await post(hasty, f"{receiver.url}/hook")
    assert (verdict.result, verdict.reason) == (Result.UNKNOWN, "Timeout")
    assert verdict.message == "no answer within 1 s"


async def test_a_lost_answer_hides_a_delivered_page(sender: Sender, receiver: Receiver):
    receiver.script("/v2/enqueue", Reaction("reset", accepted=True), times=1)
    settings = settings_for("pagerDuty")
    there = Settings(settings.vendor.model_copy(update={"base_url": receiver.url}), settings.secrets)
    verdicts = [
        await sender.attempt(PROVIDERS["pagerDuty"], trigger(), there, rank=1, still_wanted=always)
        for _ in range(2)
    ]
    assert [verdict and verdict.result for verdict in verdicts] == [Result.UNKNOWN, Result.OK]
    assert [(alert.dedup_key, alert.triggers) for alert in receiver.alerts] == [(KEY, 2)]


async def test_a_listener_that_never_takes_the_connection_is_a_failure_in_time(hasty: Sender):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        # The kernel completes one connection for the backlog; the next ones wait for ever.
        port = deaf.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        verdict = await post(hasty, f"http://127.0.0.1:{port}/hook")
        for filler in fillers:
            filler.close()
    assert (verdict.result, verdict.reason) == (Result.RETRY, "ConnectFailed")


async def test_an_answer_that_breaks_off_after_its_first_line_is_an_answer(
    sender: Sender, receiver: Receiver
):
    receiver.script("/hook", Reaction(status=503, headers={"transfer-encoding": "chunked"}, body=b"zz\r\n"))
    verdict = await post(sender, f"{receiver.url}/hook")
    assert (verdict.result, verdict.reason) == (Result.RETRY, "HTTP503")


async def test_a_redirect_is_not_followed(sender: Sender, receiver: Receiver):
    receiver.script("/hook", Reaction(status=307, headers={"location": f"{receiver.url}/elsewhere"}))
    verdict = await post(sender, f"{receiver.url}/hook")
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "HTTP307")
    assert receiver.requests_to("/elsewhere") == []


class Measuring(WebhookProvider):
    """Keeps how long the bodies were that it was given."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def parse(self, response: Response, now: datetime) -> Verdict:
        self.read.append(len(response.body))
        return super().parse(response, now)


async def test_a_body_without_end_is_read_to_its_limit_alone(sender: Sender, receiver: Receiver):
    receiver.script("/hook", Reaction(status=400, body=b"x" * (50 * BODY_LIMIT)))
    measuring = Measuring()
    await sender.attempt(measuring, trigger(), to(f"{receiver.url}/hook"), rank=1, still_wanted=always)
    assert measuring.read == [BODY_LIMIT]


async def test_a_body_in_one_piece_is_cut_at_the_limit():
    vendor, measuring = (
        Vendor(lambda request: httpx.Response(400, content=b"x" * (3 * BODY_LIMIT))),
        Measuring(),
    )
    await vendor.sender.attempt(
        measuring, trigger(), to("http://pager.example.com/"), rank=1, still_wanted=always
    )
    assert measuring.read == [BODY_LIMIT]


async def test_the_receiver_gives_the_wait_it_asks_for(sender: Sender, receiver: Receiver):
    receiver.script("/hook", Reaction(status=429, headers={"retry-after": "42"}))
    verdict = await post(sender, f"{receiver.url}/hook")
    assert (verdict.result, verdict.after) == (Result.RETRY, timedelta(seconds=42))


async def test_a_connection_that_hangs_holds_up_no_other(sender: Sender, receiver: Receiver):
    receiver.script("/hangs", Reaction("hang"))
    hanging = [
        asyncio.create_task(post(sender, f"{receiver.url}/hangs", page_by("hangs"))) for _ in range(60)
    ]
    await asyncio.to_thread(receiver.wait_for, lambda r: len(r.requests_to("/hangs")) >= IN_FLIGHT)
    verdict = await post(sender, f"{receiver.url}/hook", page_by("works"))
    assert verdict.result is Result.OK
    assert len(receiver.requests_to("/hangs")) == IN_FLIGHT
    for task in hanging:
        task.cancel()
    ended = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(end) for end in ended} == {asyncio.CancelledError}


# The kinds of failure.


@pytest.mark.parametrize(
    ("error", "result", "reason"),
    [
        (httpx.ConnectError, Result.RETRY, "ConnectFailed"),
        (httpx.ConnectTimeout, Result.RETRY, "ConnectFailed"),
        (httpx.PoolTimeout, Result.RETRY, "ConnectFailed"),
        (httpx.ProxyError, Result.RETRY, "ConnectFailed"),
        (httpx.ReadTimeout, Result.UNKNOWN, "Timeout"),
        (httpx.WriteTimeout, Result.UNKNOWN, "Timeout"),
        (httpx.ReadError, Result.UNKNOWN, "Reset"),
        (httpx.WriteError, Result.UNKNOWN, "Reset"),
        (httpx.RemoteProtocolError, Result.UNKNOWN, "InvalidAnswer"),
        (httpx.LocalProtocolError, Result.PERMANENT, "Misconfigured"),
        (httpx.UnsupportedProtocol, Result.PERMANENT, "Misconfigured"),
    ],
)
async def test_each_failure_has_its_result_and_reason(error: Any, result: Result, reason: str):
    verdict = await Vendor(failing(error)).post()
    assert (verdict.result, verdict.reason) == (result, reason)


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


@pytest.mark.parametrize("url", ["http://pager.example.com/\x01", "http://xn--/hook"])
async def test_a_url_that_only_the_client_refuses_is_permanent(url: str):
    vendor = Vendor()
    verdict = await post(vendor.sender, url)
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "Misconfigured")
    assert vendor.seen == []


# Still wanted?


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
    vendor = Vendor(lambda request: httpx.Response(429, headers={"retry-after": "5"}))
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


# Rate, silence, breaker.


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
    assert [next(s for s in severities if s in request.content.decode()) for request in vendor.seen] == (
        severities
    )


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
    vendor = Vendor(lambda request: httpx.Response(429, headers={"retry-after": "60"}))
    await vendor.post("limited")
    again = await vendor.post("limited")
    assert (again.result, again.reason, again.after) == (
        Result.RETRY, "RateLimited", timedelta(seconds=60),
    )  # fmt: skip
    vendor.answer = lambda request: httpx.Response(202)
    assert (await vendor.post("other")).result is Result.OK
    await advance(vendor.time, 60)
    assert (await vendor.post("limited")).result is Result.OK


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda request: httpx.Response(500), id="answers 500"),
        pytest.param(failing(httpx.ConnectError), id="takes no connection"),
        pytest.param(failing(httpx.ReadTimeout), id="does not answer"),
    ],
)
async def test_the_breaker_opens_for_a_vendor_that(answer: Callable[[httpx.Request], httpx.Response]):
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
    vendor = Vendor(lambda request: httpx.Response(status))
    verdicts = [await vendor.post() for _ in range(9)]
    assert {verdict.reason for verdict in verdicts} == {f"HTTP{status}"}


async def test_after_the_pause_one_probe_decides():
    vendor = Vendor(failing(httpx.ConnectError))
    for _ in range(5):
        await vendor.post()
    await advance(vendor.time, 30)
    reasons = [(await vendor.post()).reason, (await vendor.post()).reason]
    vendor.answer = lambda request: httpx.Response(202)
    await advance(vendor.time, 30)
    results = [(await vendor.post()).result for _ in range(3)]
    assert reasons == ["ConnectFailed", "BreakerOpen"]
    assert results == [Result.OK] * 3


async def test_a_send_that_is_cancelled_says_nothing_of_the_vendor():
    vendor = Vendor(failing(httpx.ConnectError))
    for _ in range(4):
        await vendor.post()
    vendor.answer = cancelled
    with pytest.raises(asyncio.CancelledError):
        await vendor.post()
    vendor.answer = failing(httpx.ConnectError)
    assert [(await vendor.post()).reason for _ in range(2)] == ["ConnectFailed", "BreakerOpen"]


async def test_a_probe_that_is_cancelled_leaves_the_probe_to_the_next():
    vendor = Vendor(failing(httpx.ConnectError))
    for _ in range(5):
        await vendor.post()
    await advance(vendor.time, 30)
    vendor.answer = cancelled
    with pytest.raises(asyncio.CancelledError):
        await vendor.post()
    vendor.answer = lambda request: httpx.Response(202)
    assert (await vendor.post()).result is Result.OK


# Secrets.


@pytest.mark.parametrize("name", SENDING)
@pytest.mark.parametrize("status", [200, 202, 302, 400, 401, 409, 429, 503])
async def test_a_vendor_that_repeats_our_secrets_makes_none_of_them_public(
    name: str, status: int, caplog: pytest.LogCaptureFixture
):
    def echo(request: httpx.Request) -> httpx.Response:
        text = f"{request.url} {request.headers} {request.content.decode()}"
        return httpx.Response(status, json={"message": text, "errors": [text], "dedup_key": text})

    await assert_nothing_leaks(name, echo, caplog)


@pytest.mark.parametrize("name", SENDING)
@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError]
)
async def test_an_error_that_quotes_the_request_makes_no_secret_public(
    name: str, error: type[httpx.TransportError], caplog: pytest.LogCaptureFixture
):
    def quote(request: httpx.Request) -> httpx.Response:
        raise error(f"{request.url} {request.headers} {request.content!r}")

    await assert_nothing_leaks(name, quote, caplog)


async def assert_nothing_leaks(
    name: str, answer: Callable[[httpx.Request], httpx.Response], caplog: pytest.LogCaptureFixture
) -> None:
    vendor = Vendor(answer)
    settings = settings_for(name)
    caplog.set_level(0)
    with capture_logs() as logs:
        verdict = await vendor.sender.attempt(
            PROVIDERS[name], trigger(), settings, rank=1, still_wanted=always
        )
    assert len(vendor.seen) == 1
    shown = f"{verdict!r} {logs!r} {caplog.text}"
    forms = {secret for secret in settings.secrets.values()}
    forms |= {form for url in forms if "//" in url for form in (url.partition("//")[2].partition("/")[2],)}
    assert not [form for form in forms if form in shown]


async def test_the_client_logs_no_url_on_the_real_way(
    sender: Sender, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(0)
    await post(sender, f"{receiver.url}/hook/secret-token")
    assert receiver.requests_to("/hook/secret-token")
    assert "secret-token" not in caplog.text


# The console.


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
