"""The one sender: everything that leaves for a vendor goes through here, and httpx is known only here.

It never tries twice: the core decides whether and when a send is repeated.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import httpx
import structlog

from watchbill import __version__
from watchbill.core.effects import ConnectionKey, Effect, connection_of
from watchbill.core.outcomes import Result
from watchbill.core.texts import cut, neutral
from watchbill.providers.contract import (
    LogLine,
    Mail,
    Misconfigured,
    Provider,
    Request,
    Response,
    Settings,
    Verdict,
)
from watchbill.providers.retryable import MESSAGE_LIMIT
from watchbill.shell.clock import Clock
from watchbill.shell.lane import MISCONFIGURED, Lane
from watchbill.shell.mail import Mailer
from watchbill.shell.rate import CallLater, call_later
from watchbill.shell.redact import redacted

DEADLINE = 10.0
"""Seconds for one send, with the time that it waits for its turn."""

CONNECT_TIMEOUT = 5.0
BODY_LIMIT = 64 * 1024
"""Bytes of an answer that are read."""

# A pool for all would let one hanging vendor stop the others; each lane bounds its own sends.
_POOL = httpx.Limits(max_connections=None, max_keepalive_connections=50, keepalive_expiry=15)

_NOT_FORMED = "the request cannot be formed: the URL or a header is invalid"
_UNCONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

_log = structlog.get_logger("watchbill.pages")


@dataclass(slots=True)
class _Exchange:
    """How far one request got."""

    written: bool = False
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)

    async def trace(self, event: str, details: Mapping[str, object]) -> None:
        """Take note when the first byte is about to be written."""
        if event.endswith("send_request_headers.started"):
            self.written = True

    @property
    def response(self) -> Response:
        """The answer so far; one that broke off after its first line is an answer too."""
        return Response(self.status, self.headers, bytes(self.body))


class Sender:
    """Sends effects through providers; one for the process, used from one loop."""

    def __init__(
        self,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        deadline: float = DEADLINE,
        later: CallLater = call_later,
        mailer: Mailer | None = None,
    ) -> None:
        self._clock = clock
        self._mailer = mailer or Mailer()
        self._deadline = deadline
        self._later = later
        self._lanes: dict[tuple[ConnectionKey, str], Lane] = {}
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=httpx.Timeout(deadline, connect=min(CONNECT_TIMEOUT, deadline)),
            limits=_POOL,
            follow_redirects=False,
            # What is compressed could grow past any limit on the bytes read.
            headers={"user-agent": f"watchbill/{__version__}", "accept-encoding": "identity"},
        )
        # These log whole URLs, which may be credentials.
        for library in ("httpx", "httpcore"):
            logging.getLogger(library).setLevel(logging.WARNING)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def attempt(
        self,
        provider: Provider,
        effect: Effect,
        settings: Settings,
        *,
        rank: int,
        still_wanted: Callable[[], bool],
    ) -> Verdict | None:
        """What became of one send within 10 s; None where it was no longer wanted and nothing was sent."""
        deadline = self._clock.monotonic() + self._deadline
        try:
            request = provider.build(effect, settings, self._clock.now())
        except Misconfigured as error:
            return _misconfigured(redacted(str(error), settings.secrets.values()))
        if isinstance(request, LogLine):
            return _written_down(request, effect) if still_wanted() else None
        lane = self._lane(connection_of(effect), provider)
        if refusal := await lane.enter(rank, effect.page.due_time, deadline):
            return refusal
        verdict, sent = None, False
        try:
            if still_wanted() and (verdict := lane.begin()) is None:
                sent = True
                verdict = await self._send(provider, request, lane, deadline)
        finally:
            lane.leave(used=sent)
        return verdict

    def forget(self, connection: ConnectionKey) -> None:
        """Forget how fast a connection that is gone may send, and how it failed."""
        self._lanes = {key: lane for key, lane in self._lanes.items() if key[0] != connection}

    def is_open(self, provider: str) -> bool:
        """Whether a connection of this provider is not tried now because it keeps failing."""
        return any(key[1] == provider and lane.is_open for key, lane in self._lanes.items())

    def _lane(self, connection: ConnectionKey, provider: Provider) -> Lane:
        key = (connection, provider.name)
        if key not in self._lanes:
            self._lanes[key] = Lane(provider.rate, self._clock, self._later)
        return self._lanes[key]

    async def _send(
        self, provider: Provider, request: Request | Mail, lane: Lane, deadline: float
    ) -> Verdict:
        verdict, well = None, False
        try:
            answer = await self._answer(request, deadline)
            if isinstance(answer, Response):
                verdict, well = provider.parse(answer, self._clock.now()), _is_well(request, answer)
            else:
                verdict = answer
        finally:
            lane.learn(verdict, well=well)
        return replace(
            verdict,
            message=cut(neutral(redacted(verdict.message, request.secrets)), MESSAGE_LIMIT),
            external_id=redacted(verdict.external_id, request.secrets),
        )

    async def _answer(self, request: Request | Mail, deadline: float) -> Response | Verdict:
        """What the vendor answered; a verdict where nothing did."""
        if isinstance(request, Mail):
            return await self._mailer.deliver(request, deadline - self._clock.monotonic())
        exchange = _Exchange()
        failure = await self._exchange(request, exchange, deadline)
        # A status line is an answer, even where what follows it broke off.
        return exchange.response if failure is None or exchange.status else failure

    async def _exchange(self, request: Request, exchange: _Exchange, deadline: float) -> Verdict | None:
        """Send, and read the answer; None where it was read to its end or limit, else what went wrong."""
        outgoing = self._formed(request, exchange)
        if outgoing is None:
            return _misconfigured(_NOT_FORMED)
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                await self._read(outgoing, exchange)
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            return _misconfigured(_NOT_FORMED)
        except (TimeoutError, httpx.TransportError) as error:
            return self._failure(error, exchange.written)
        return None

    def _formed(self, request: Request, exchange: _Exchange) -> httpx.Request | None:
        """The request as it leaves; None for a URL or a header that no request can have."""
        try:
            return self._client.build_request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                extensions={"trace": exchange.trace},
            )
        except (httpx.InvalidURL, ValueError):
            return None

    async def _read(self, outgoing: httpx.Request, exchange: _Exchange) -> None:
        response = await self._client.send(outgoing, stream=True)
        try:
            exchange.status, exchange.headers = response.status_code, response.headers
            async for chunk in response.aiter_raw():
                exchange.body += chunk[: BODY_LIMIT - len(exchange.body)]
                if len(exchange.body) >= BODY_LIMIT:
                    break
        finally:
            await response.aclose()

    def _failure(self, error: Exception, written: bool) -> Verdict:
        """What it means that no answer came: once bytes were written the page may have arrived."""
        detail = str(error) or type(error).__name__
        if isinstance(error, _UNCONNECTED) or (isinstance(error, TimeoutError) and not written):
            return Verdict(Result.RETRY, reason="ConnectFailed", message=f"no connection: {detail}")
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            return _unknown("Timeout", f"no answer within {self._deadline:g} s")
        if isinstance(error, httpx.RemoteProtocolError):
            return _unknown("InvalidAnswer", f"no valid answer: {detail}")
        return _unknown("Reset", f"the connection broke: {detail}")


def _written_down(line: LogLine, effect: Effect) -> Verdict:
    _log.info(line.text, action=effect.action, incident=effect.incident.name)
    return Verdict(Result.OK)


def _is_well(request: Request | Mail, answer: Response) -> bool:
    """Whether the vendor works, whatever it says of this page; a 5xx of SMTP is about the mail alone."""
    if isinstance(request, Mail):
        return answer.status not in range(400, 500)
    return 0 < answer.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _misconfigured(message: str) -> Verdict:
    return Verdict(Result.PERMANENT, reason=MISCONFIGURED, message=cut(message, MESSAGE_LIMIT))


def _unknown(reason: str, message: str) -> Verdict:
    return Verdict(Result.UNKNOWN, reason=reason, message=message)
