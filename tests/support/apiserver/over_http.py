"""Serves a server over HTTP: in the running loop, or in a thread of its own for a real operator or kopf."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import orjson
from aiohttp import web

from tests.support.apiserver.reading import JSON, Request
from tests.support.apiserver.requests import ApiServer, Handler, NoAnswer
from tests.support.apiserver.watching import Stream

SHUTDOWN = 0.5
"""Seconds that requests get to end when the serving ends."""


@asynccontextmanager
async def serving(server: ApiServer, handler: Handler | None = None) -> AsyncIterator[str]:
    """The address under which the server, or what stands before it, is served while this lasts."""
    site = _Site(server, handler or server.handle)
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", site.serve)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.on_change.append(site.wake)
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        server.on_change.remove(site.wake)
        await runner.cleanup()


class InThread:
    """Serves from a thread of its own: `with InThread(server) as address:`."""

    def __init__(self, server: ApiServer, handler: Handler | None = None) -> None:
        self._server, self._handler = server, handler
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), name="api server", daemon=True
        )
        self._started = threading.Event()
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10), "the server did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self._server, self._handler) as self.url:
            self._started.set()
            await self._stop.wait()


class _Site:
    def __init__(self, server: ApiServer, handler: Handler) -> None:
        self._server, self._handler = server, handler
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Have the streams look for news; called in any thread."""
        self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def serve(self, asked: web.Request) -> web.StreamResponse:
        request = await request_of(asked)
        try:
            found = await self._handler(request)
        except NoAnswer:
            assert asked.transport is not None
            asked.transport.close()
            return web.Response()
        if isinstance(found, Stream):
            return await self._stream(asked, found)
        headers = {**found.headers, "Content-Type": found.content_type}
        return web.Response(body=found.content, status=found.code, headers=headers)

    async def _stream(self, asked: web.Request, stream: Stream) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": JSON})
        await response.prepare(asked)
        while True:
            news = self._news
            for event in self._server.drain(stream):
                await response.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
            if stream.ended:
                return response
            try:
                async with asyncio.timeout(stream.seconds_left):
                    await news.wait()
            except TimeoutError:
                continue


async def request_of(asked: web.BaseRequest) -> Request:
    """What was asked over HTTP, as a server in memory takes it."""
    return Request(
        asked.method,
        asked.path,
        dict(asked.query),
        await asked.read(),
        asked.headers.get("Content-Type", JSON),
        asked.headers.get("Accept", JSON),
        asked.headers.get("Authorization"),
    )
