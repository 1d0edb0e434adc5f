"""Carries requests of httpx by aiohttp, which takes a quarter of the time that httpx's own way does.

What the errors of httpx say of how far a request got stays true: whether anything can have arrived hangs on
it.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from yarl import URL

CONNECT_TIMEOUT = 5.0
"""Seconds for the connection."""

KEPT_FOR = 15.0
"""Seconds for which a connection that nobody uses is kept."""

WRITING = "http11.send_request_headers.started"
"""What a request's `trace` is told when its first byte is about to be written, in httpx's own words."""

_ERRORS: tuple[tuple[tuple[type[Exception], ...], type[httpx.TransportError]], ...] = (
    ((aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError), httpx.UnsupportedProtocol),
    ((aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError), httpx.ProxyError),
    ((aiohttp.ClientConnectorError,), httpx.ConnectError),
    (
        (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, aiohttp.ClientResponseError),
        httpx.RemoteProtocolError,
    ),
    ((aiohttp.ClientError, OSError), httpx.ReadError),
    ((ValueError,), httpx.LocalProtocolError),
)
"""What each error is called in httpx; the first that fits counts."""


class Wire(httpx.AsyncBaseTransport):
    """Connections that are kept for a while; used in the loop that uses it first."""

    def __init__(self) -> None:
        self._proxies = getproxies()
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body still to be read; raises an error of httpx."""
        self._session = self._session or _session()
        with _in_words_of_httpx():
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=request.content or None,
                allow_redirects=False,
                proxy=self._proxy(request.url),
                trace_request_ctx=request.extensions,
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _proxy(self, url: httpx.URL) -> str | None:
        """The proxy of the environment for this URL, as curl understands it."""
        found = self._proxies.get(url.scheme) or self._proxies.get("all")
        return None if found is None or proxy_bypass(url.host) else found


class _Body(httpx.AsyncByteStream):
    """The body of an answer, in pieces as they come."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _in_words_of_httpx():
            async for piece in self._answer.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        """Keep the connection for the next request where the body was read to its end, else close it."""
        self._answer.release() if self._answer.content.at_eof() else self._answer.close()


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        # A pool for all would let one hanging vendor stop the others; each lane bounds its own sends.
        limit=0,
        keepalive_timeout=KEPT_FOR,
        ssl=httpx.create_ssl_context(),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        # The time for the whole is the caller's.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
        trace_configs=[_tracing()],
    )


def _tracing() -> aiohttp.TraceConfig:
    """Tells a request's `trace` that it has a connection, and so is about to be written."""

    async def tell(session: aiohttp.ClientSession, context: SimpleNamespace, _: Any) -> None:
        extensions: Mapping[str, Any] = context.trace_request_ctx
        if "trace" in extensions:
            await extensions["trace"](WRITING, {})

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(tell)
    tracing.on_connection_reuseconn.append(tell)
    return tracing


@contextmanager
def _in_words_of_httpx() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            raise httpx.ConnectTimeout(str(error)) from error
        raise
    except (aiohttp.ClientError, OSError, ValueError) as error:
        kind = next(word for kinds, word in _ERRORS if isinstance(error, kinds))
        raise kind(_text(error)) from error


def _text(error: Exception) -> str:
    """What is wrong, in a line, without the URL and without the bytes of an answer that is none."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.message.splitlines()[0].rstrip(":")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
