"""Makes one HTTP request; httpx is known only here and to the wire below.

It follows no redirect, for that would carry a credential to a place that nobody configured.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from watchbill import __version__
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Request, Response, Verdict
from watchbill.shell.lane import MISCONFIGURED
from watchbill.shell.wire import Wire

BODY_LIMIT = 1024 * 1024
"""Bytes of an answer that are read; a page of a chat's channels or messages is the longest asked for."""

_NOT_FORMED = "the request cannot be formed: the URL or a header is invalid"
_UNCONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


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


class Web:
    """Makes requests, over connections that are kept for a while; one for the process, used from one loop."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(
            transport=transport or Wire(),
            # The time for the whole is the caller's.
            timeout=None,
            follow_redirects=False,
            # What is compressed could grow past any limit on the bytes read.
            headers={"user-agent": f"watchbill/{__version__}", "accept-encoding": "identity"},
        )
        # It logs whole URLs, which may be credentials.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def deliver(self, request: Request, seconds: float) -> Response | Verdict:
        """What was answered in so many seconds; a verdict where nothing was."""
        exchange = _Exchange()
        failure = await self._exchange(request, exchange, seconds)
        # A status line is an answer, even where what follows it broke off.
        return exchange.response if failure is None or exchange.status else failure

    async def _exchange(self, request: Request, exchange: _Exchange, seconds: float) -> Verdict | None:
        """Send, and read the answer; None where it was read to its end or limit, else what went wrong."""
        outgoing = self._formed(request, exchange)
        if outgoing is None:
            return Verdict(Result.PERMANENT, reason=MISCONFIGURED, message=_NOT_FORMED)
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._read(outgoing, exchange)
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            return Verdict(Result.PERMANENT, reason=MISCONFIGURED, message=_NOT_FORMED)
        except (TimeoutError, httpx.TransportError) as error:
            return _failure(error, exchange.written, seconds)
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


def _failure(error: Exception, written: bool, seconds: float) -> Verdict:
    """What it means that no answer came: once bytes were written the page may have arrived."""
    detail = str(error) or type(error).__name__
    if isinstance(error, _UNCONNECTED) or (isinstance(error, TimeoutError) and not written):
        return Verdict(Result.RETRY, reason="ConnectFailed", message=f"no connection: {detail}")
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return _unknown("Timeout", f"no answer within {seconds:.0f} s")
    if isinstance(error, httpx.RemoteProtocolError):
        return _unknown("InvalidAnswer", f"no valid answer: {detail}")
    return _unknown("Reset", f"the connection broke: {detail}")


def _unknown(reason: str, message: str) -> Verdict:
    return Verdict(Result.UNKNOWN, reason=reason, message=message)
