"""Plays every vendor, in a process of its own: notes when each page arrives, and takes it.

`python -m bench.sink` prints its port. Times are by CLOCK_MONOTONIC, which is one for the whole machine.
"""

import asyncio
import time
from typing import Any

from aiohttp import web

LONGEST_POLL = 5.0
"""Seconds that a question for arrivals waits for the next one."""


class Sink:
    """The pages that came, in their order."""

    def __init__(self) -> None:
        self._arrivals: list[tuple[float, str, str]] = []
        self._came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        """Note a page: when, by which path, and what it said."""
        arrived = time.monotonic()
        self._arrivals.append((arrived, request.path, await request.text()))
        self._came.set()
        return web.json_response({"status": "success"}, status=202)

    async def tell(self, request: web.Request) -> web.Response:
        """All arrivals from this number on; where there is none yet, the next one."""
        begin = int(request.match_info["begin"])
        if begin >= len(self._arrivals):
            self._came.clear()
            try:
                async with asyncio.timeout(LONGEST_POLL):
                    await self._came.wait()
            except TimeoutError:
                pass
        return web.json_response(self._arrivals[begin:])


async def serve() -> None:
    """Serve until the process is ended."""
    sink = Sink()
    application = web.Application()
    application.add_routes(
        [web.get("/arrivals/{begin}", sink.tell), web.post("/{path:.*}", sink.take)],
    )
    runner: Any = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
