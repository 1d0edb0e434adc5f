"""Between one operator process and all else: TLS and HTTP before the API server, and a proxy before vendors.

Both hand what they get to the network of the fast mode, which counts it and has a plan's faults happen.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from tests.faults.network import Surface
from tests.faults.real.remote import Remote
from tests.faults.real.world import World
from tests.faults.watch import Disturbance, Event
from tests.support.apiserver.answers import Answer, Refusal
from tests.support.apiserver.over_http import request_of
from tests.support.apiserver.reading import JSON, Request
from tests.support.apiserver.requests import NoAnswer
from watchbill.providers import contract

Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
LOCAL = "127.0.0.1"
CLOSING = 1.0
"""Seconds that connections get to end."""

LOOK = 0.25
"""Seconds between two looks whether a stream must break off."""

RESET = struct.pack("ii", 1, 0)
"""Closed with zero seconds to linger, TCP sends a reset in place of a farewell."""

EXPIRED = Refusal(410, "Expired", "too old resource version: a fault that was placed here").status


class Wire:
    """What one replica speaks to: `url` is its API server, and `proxy` carries its requests to vendors."""

    def __init__(
        self, world: World, remote: Remote, surface: Callable[[], Surface], disturb: Disturbance
    ) -> None:
        """A wire whose `surface` is that of the process that runs now."""
        self._world, self._remote = world, remote
        self._surface, self._disturb = surface, disturb
        self._runners: list[web.ServerRunner] = []
        self._late: set[asyncio.Future[None]] = set()
        self.url = self.proxy = ""

    async def open(self) -> None:
        """Begin to listen."""
        self.url = f"https://{LOCAL}:{await self._listen(self._to_server, tls=True)}"
        self.proxy = f"http://{LOCAL}:{await self._listen(self._to_vendor, tls=False)}"

    async def close(self) -> None:
        """End every connection; those of a process that was killed end by themselves."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING):
                while any(runner.server and runner.server.connections for runner in self._runners):
                    await asyncio.sleep(0.01)
        for runner in self._runners:
            await runner.cleanup()

    def kubeconfig(self, path: Path) -> Path:
        """The operator's kubeconfig, written to the path, which leads here."""
        body = yaml.safe_load(self._world.cluster.operator_kubeconfig.read_text())
        for cluster in body["clusters"]:
            cluster["cluster"]["server"] = self.url
        path.write_text(yaml.safe_dump(body))
        return path

    async def _listen(self, serve: Serve, tls: bool) -> int:
        server = web.Server(serve, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, LOCAL, 0, ssl_context=self._world.serving if tls else None).start()
        self._runners.append(runner)
        port: int = runner.addresses[0][1]
        return port

    async def _to_server(self, asked: web.BaseRequest) -> web.StreamResponse:
        request = await request_of(asked)
        try:
            if request.query.get("watch"):
                return await self._stream(asked, request)
            found = await self._surface().handle(request)
        except NoAnswer:
            return reset(asked)
        assert isinstance(found, Answer)
        headers = {"Content-Type": found.content_type, **found.headers}
        return web.Response(body=found.content, status=found.code, headers=headers)

    async def _to_vendor(self, asked: web.BaseRequest) -> web.StreamResponse:
        method: Any = asked.method
        url = f"http://{asked.host}{asked.path_qs}"
        request = contract.Request(method, url, dict(asked.headers), await asked.read())
        try:
            answer = await self._surface().send(request)
        except ConnectionError:
            return reset(asked)
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)

    async def _stream(self, asked: web.BaseRequest, request: Request) -> web.StreamResponse:
        surface = self._surface()
        network, process = surface.network, surface.process
        if network.cut_off(process):
            raise NoAnswer
        async with self._remote.watching(request) as stream:
            response = web.StreamResponse(status=stream.status, headers={"Content-Type": JSON})
            await response.prepare(asked)
            lines = Lines(stream.content)
            try:
                while not network.cut_off(process):
                    line = await lines.next(LOOK)
                    if line == b"" or (line and not await self._passed(line, surface, response)):
                        return response
            finally:
                await lines.end()
        return reset(asked)

    async def _passed(self, line: bytes, surface: Surface, response: web.StreamResponse) -> bool:
        """Whether the stream goes on after an event, which is told now, later, or not at all."""
        event: Event = json.loads(line)
        kind = event["object"].get("kind", "")
        if event["type"] in ("BOOKMARK", "ERROR"):
            await response.write(line)
            return True
        crossing = surface.network.counted.of_event(surface.process.name, event["type"], kind)
        told = self._disturb(crossing, event)
        if told is None:
            await response.write(_line({"type": "ERROR", "object": EXPIRED}))
            return False
        for after, each in told:
            if after:
                asyncio.get_running_loop().call_later(after, self._write_later, response, each)
            else:
                await response.write(line if each is event else _line(each))
        return True

    def _write_later(self, response: web.StreamResponse, event: Event) -> None:
        async def write() -> None:
            with suppress(ConnectionError, RuntimeError):
                await response.write(_line(event))

        self._late.add(task := asyncio.ensure_future(write()))
        task.add_done_callback(self._late.discard)


class Lines:
    """The lines of a stream, which can be waited for without losing one."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content
        self._next: asyncio.Task[bytes] | None = None

    async def next(self, seconds: float) -> bytes | None:
        """The next line, empty at the end of the stream; None where none has come yet."""
        self._next = self._next or asyncio.ensure_future(self._content.readline())
        done, _ = await asyncio.wait([self._next], timeout=seconds)
        if not done:
            return None
        found, self._next = self._next, None
        return found.result()

    async def end(self) -> None:
        """Wait for no more; whatever comes is nobody's."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)


def reset(asked: web.BaseRequest) -> web.Response:
    """No answer: the connection breaks."""
    if asked.transport is not None:
        plain: socket.socket | None = asked.transport.get_extra_info("socket")
        with suppress(OSError):
            if plain is not None:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        asked.transport.abort()
    return web.Response()


def _line(event: Event) -> bytes:
    return json.dumps(event).encode() + b"\n"
