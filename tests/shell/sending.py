"""A vendor in this process, and ways for it to fail."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import httpx

from tests.providers.pages import incident, page, trigger
from tests.shell.fake_time import FakeTime
from watchbill.api.connection import Webhook
from watchbill.core.effects import SendPage
from watchbill.providers.contract import Response, Settings, Verdict
from watchbill.providers.registry import PROVIDERS
from watchbill.providers.webhook import WebhookProvider
from watchbill.shell.send import Sender
from watchbill.shell.web import Web

WEBHOOK = PROVIDERS["webhook"]


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
        self.sender = Sender(self.time.clock(), web=Web(transport), later=self.time.call_later)

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


class Measuring(WebhookProvider):
    """Keeps how long the bodies were that it was given."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def parse(self, response: Response, now: datetime) -> Verdict:
        self.read.append(len(response.body))
        return super().parse(response, now)
