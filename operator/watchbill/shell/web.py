"""Makes one HTTP request, by aiohttp.

It follows no redirect, for that would carry a credential to a place that nobody configured, and keeps no
cookie.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from watchbill import __version__
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Request, Response, Verdict
from watchbill.shell.egress import Egress, EgressDenied
from watchbill.shell.lane import MISCONFIGURED

BODY_LIMIT = 1024 * 1024
"""Bytes of an answer that are read; a page of a chat's channels or messages is the longest asked for."""

CONNECT_TIMEOUT = 5.0
"""Seconds for the connection."""

KEPT_FOR = 15.0
"""Seconds for which a connection that nobody uses is kept."""

HEADERS = {
    "user-agent": f"watchbill/{__version__}",
    # What is compressed could grow past any limit on the bytes read.
    "accept-encoding": "identity",
}
"""What every request says, unless it says otherwise."""

_IN_ASCII = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
"""A URL in the characters of RFC 3986."""


@dataclass(slots=True)
class Exchange:
    """How far one request got."""

    written: bool = False
    """Whether its first byte may have left."""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Web:
    """Makes requests, over connections that are kept for a while; one for the process, used from one loop."""

    def __init__(self, egress: Egress | None = None) -> None:
        self._egress = egress or Egress()
        self._proxies = getproxies()
        self._direct: aiohttp.ClientSession | None = None
        self._proxied: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close every connection."""
        for session in (self._direct, self._proxied):
            if session is not None:
                await session.close()

    async def deliver(self, request: Request, seconds: float) -> Response | Verdict:
        """What was answered in so many seconds; a verdict where nothing was."""
        exchange = Exchange()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.carry(request, exchange)
        except EgressDenied as denied:
            return denied.verdict
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # A status line is an answer, even where what follows it broke off.
            if not exchange.status:
                return _failure(error, exchange.written, seconds)
        return Response(exchange.status, exchange.headers, bytes(exchange.body))

    async def carry(self, request: Request, exchange: Exchange) -> None:
        """Send, and read the answer to its end or limit; the exchange tells at any time how far that got.

        Raises ValueError for a URL or a header that no request can have, EgressDenied for a host that may not
        be reached, and aiohttp's errors or OSError for what breaks.
        """
        url = _url(request.url)
        if not all(map(str.isascii, request.headers.values())):
            raise ValueError
        self._egress.admit(url.raw_host or "")
        proxy = self._proxy(url)
        answer = await self._session(proxied=proxy is not None).request(
            request.method,
            url,
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            proxy=proxy,
            trace_request_ctx=exchange,
        )
        try:
            exchange.status = answer.status
            exchange.headers = {name.lower(): value for name, value in answer.headers.items()}
            async for chunk in answer.content.iter_any():
                exchange.body += chunk[: BODY_LIMIT - len(exchange.body)]
                if len(exchange.body) >= BODY_LIMIT:
                    break
        finally:
            # Kept for the next request where the answer was read to its end.
            answer.release() if answer.content.at_eof() else answer.close()

    def _session(self, *, proxied: bool) -> aiohttp.ClientSession:
        """The session; one to a proxy reaches whatever address that has, and asks it for names by name."""
        if proxied:
            self._proxied = self._proxied or _session(Egress())
            return self._proxied
        self._direct = self._direct or _session(self._egress)
        return self._direct

    def _proxy(self, url: URL) -> str | None:
        """The proxy of the environment for this URL, as curl understands it."""
        found = self._proxies.get(url.scheme) or self._proxies.get("all")
        return None if found is None or proxy_bypass(url.host or "") else found


def _session(egress: Egress) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        # A pool for all would let one hanging vendor stop the others; each lane bounds its own sends.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_FOR, resolver=egress),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers=HEADERS,
        # The time for the whole is the caller's.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
        trace_configs=[_tracing()],
    )
    # Else what is idempotent by its method is sent once more when the connection breaks.
    session._retry_connection = False
    return session


def _tracing() -> aiohttp.TraceConfig:
    """Tells an exchange that its request has a connection, and so is about to be written."""

    async def tell(session: aiohttp.ClientSession, context: SimpleNamespace, _: Any) -> None:
        context.trace_request_ctx.written = True

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(tell)
    tracing.on_connection_reuseconn.append(tell)
    return tracing


def _url(text: str) -> URL:
    """The URL as it is written, but quoted where it has other characters; raises ValueError for none."""
    url = URL(text, encoded=_IN_ASCII.fullmatch(text) is not None)
    if not (text.isprintable() and url.host):
        raise ValueError
    return url


def host_of(url: str) -> str:
    """The host that a request to the URL connects to, as names are looked up; empty where it is none."""
    try:
        return _url(url).raw_host or ""
    except ValueError:
        return ""


def _failure(error: Exception, written: bool, seconds: float) -> Verdict:
    """What it means that no answer came: once bytes were written the page may have arrived."""
    if not isinstance(error, aiohttp.ClientError | OSError) or isinstance(
        error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError
    ):
        text = "the request cannot be formed: the URL or a header is invalid"
        return Verdict(Result.PERMANENT, reason=MISCONFIGURED, message=text)
    detail = _text(error)
    if not written:
        return Verdict(Result.RETRY, reason="ConnectFailed", message=f"no connection: {detail}")
    if isinstance(error, TimeoutError):
        return _unknown("Timeout", f"no answer within {seconds:.0f} s")
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientResponseError):
        return _unknown("InvalidAnswer", f"no valid answer: {detail}")
    return _unknown("Reset", f"the connection broke: {detail}")


def _unknown(reason: str, message: str) -> Verdict:
    return Verdict(Result.UNKNOWN, reason=reason, message=message)


def _text(error: Exception) -> str:
    """What is wrong, in a line, without the URL and without the bytes of an answer that is none."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.message.partition("\n")[0].rstrip(":")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # What else they say may quote both.
    return type(error).__name__
