"""Lets the operator's own client talk to the server without a socket, in the loop of whoever tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Self, cast
from urllib.parse import parse_qsl

import aiohttp
import orjson

from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import JSON, Request
from tests.support.apiserver.requests import Handler, NoAnswer
from tests.support.apiserver.watching import Stream
from watchbill.shell.credentials import Credentials

ADDRESS = "http://in-process"


class InProcess(Credentials):
    """Credentials whose sessions hand each request to the handler: `Kube(InProcess(server.handle), ...)`.

    A handler may raise NoAnswer, or wait: the request ends when its time is over.
    """

    def __init__(self, handler: Handler) -> None:
        super().__init__(ADDRESS)
        self._handler = handler

    def of_nobody(self) -> Credentials:
        """The same: they show nothing."""
        return self

    def session(
        self,
        limit: int,
        on_request: Callable[[], None] = lambda: None,
        on_answer: Callable[[int], None] = lambda status: None,
        *around: aiohttp.ClientMiddlewareType,
    ) -> aiohttp.ClientSession:
        """A session with as much of aiohttp's as the operator's client uses; it has no middlewares."""
        return cast("aiohttp.ClientSession", _Session(self._handler, on_request, on_answer))


class _Session:
    def __init__(
        self, handler: Handler, on_request: Callable[[], None], on_answer: Callable[[int], None]
    ) -> None:
        self._handler = handler
        self._on_request = on_request
        self._on_answer = on_answer

    def request(self, method: str, url: str, **options: Any) -> "_Exchange":
        self._on_request()
        path, _, query = url.removeprefix(ADDRESS).partition("?")
        headers: Mapping[str, str] = options.get("headers") or {}
        asked = Request(
            method,
            path,
            dict(parse_qsl(query)) | dict(options.get("params") or {}),
            options.get("data") or "",
            headers.get("Content-Type", JSON),
            headers.get("Accept", JSON),
            headers.get("Authorization"),
        )
        timeout: aiohttp.ClientTimeout | None = options.get("timeout")
        return _Exchange(self._handler, asked, timeout.total if timeout else None, self._on_answer)

    async def close(self) -> None:
        """There is nothing to close."""


class _Exchange:
    """One request and its answer, as `async with` wants them."""

    def __init__(
        self, handler: Handler, request: Request, seconds: float | None, on_answer: Callable[[int], None]
    ) -> None:
        self._handler, self._request, self._seconds = handler, request, seconds
        self._on_answer = on_answer

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._handler(self._request)
        except NoAnswer as error:
            raise aiohttp.ServerDisconnectedError from error
        if isinstance(found, Stream):
            self.content, found = _Events(found), Answer(200, {})
        self._content = found.content
        self.status, self.headers = found.code, found.headers
        self.ok, self.reason = found.code < 400, ""
        self._on_answer(found.code)
        return self

    async def __aexit__(self, *_: object) -> None:
        """The answer was read at once."""

    async def read(self) -> bytes:
        return self._content


class _Events:
    """What a watch tells, until it ends."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def iter_any(self) -> AsyncIterator[bytes]:
        while not self._stream.ended:
            for event in self._stream.drain():
                yield orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
            await asyncio.sleep(self._stream.seconds_left)
