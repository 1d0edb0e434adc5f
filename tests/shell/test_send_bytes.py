"""The sender against a real server: what was on the wire decides what the end means."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from dev.receiver import Reaction, Receiver
from tests.providers.pages import KEY, settings_for, trigger
from tests.shell.sending import (
    Measuring,
    always,
    page_by,
    post,
    to,
)
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Settings, Verdict
from watchbill.providers.registry import PROVIDERS
from watchbill.shell.clock import Clock
from watchbill.shell.rate import IN_FLIGHT
from watchbill.shell.send import Sender
from watchbill.shell.web import BODY_LIMIT

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


@pytest.mark.parametrize("closes", [True, False], ids=["is closed", "stays open"])
async def test_an_answer_that_breaks_off_after_its_head_is_an_answer(hasty: Sender, closes: bool):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\nhalf")
        await writer.drain()
        if not closes:
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        verdict = await post(hasty, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook")
    assert (verdict.result, verdict.reason) == (Result.RETRY, "HTTP503")


async def test_a_redirect_is_not_followed(sender: Sender, receiver: Receiver):
    receiver.script("/hook", Reaction(status=307, headers={"location": f"{receiver.url}/elsewhere"}))
    verdict = await post(sender, f"{receiver.url}/hook")
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "HTTP307")
    assert receiver.requests_to("/elsewhere") == []


async def test_a_body_without_end_is_read_to_its_limit_alone(sender: Sender, receiver: Receiver):
    receiver.script("/hook", Reaction(status=400, body=b"x" * (50 * BODY_LIMIT)))
    measuring = Measuring()
    await sender.attempt(measuring, trigger(), to(f"{receiver.url}/hook"), rank=1, still_wanted=always)
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


async def test_the_client_logs_no_url_on_the_real_way(
    sender: Sender, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(0)
    await post(sender, f"{receiver.url}/hook/secret-token")
    assert receiver.requests_to("/hook/secret-token")
    assert "secret-token" not in caplog.text
