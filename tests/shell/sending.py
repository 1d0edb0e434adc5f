"""A vendor in this process, and ways for it to fail."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from tests.providers.pages import incident, page, trigger
from tests.shell.fake_time import FakeTime
from tests.support.vendor import Played, response
from watchbill.api.connection import Webhook
from watchbill.core.effects import SendPage
from watchbill.providers.contract import Request, Response, Settings, Verdict
from watchbill.providers.registry import PROVIDERS
from watchbill.providers.webhook import WebhookProvider
from watchbill.shell.send import Sender

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

    def __init__(self, answer: Callable[[Request], Response] | None = None) -> None:
        self.answer = answer or (lambda request: response(202))
        self.seen: list[Request] = []
        self.time = FakeTime()
        self.sender = Sender(self.time.clock(), web=Played(self._take), later=self.time.call_later)

    async def _take(self, request: Request) -> Response:
        self.seen.append(request)
        return self.answer(request)

    async def post(self, connection: str = "pager") -> Verdict:
        return await post(self.sender, "http://pager.example.com/hook", page_by(connection))


def failing(error: type[Exception]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        raise error("details")

    return answer


def cancelled(request: Request) -> Response:
    raise asyncio.CancelledError


class Measuring(WebhookProvider):
    """Keeps how long the bodies were that it was given."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def parse(self, response: Response, now: datetime) -> Verdict:
        self.read.append(len(response.body))
        return super().parse(response, now)
