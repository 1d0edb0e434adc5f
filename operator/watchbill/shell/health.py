"""What the kubelet and Prometheus ask: /livez, /readyz and /metrics.

/livez means progress, not that a port answers. It stays green while the API server is unreachable:
a restart would not bring that back, and would lose the pages that are in memory.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

from aiohttp import web

from watchbill.shell.metrics import Metrics

Check = Callable[[], str | None]
"""What is wrong, in a few words; None where nothing is."""

TICK = 1.0
"""Seconds between two ticks of the loop."""

LATEST_TICK = 10.0
"""Seconds without a tick after which the loop counts as blocked."""

OLDEST_KEY = timedelta(seconds=60)
"""How long a key may wait for a worker."""

LONGEST_DOWN = 120.0
"""Seconds that kopf may be down; it is started again within 30."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HasQueue(Protocol):
    """The queue, as far as health goes."""

    @property
    def oldest_age(self) -> timedelta:
        """How long its oldest key has waited."""


class HasWatch(Protocol):
    """The watch, as far as health goes."""

    @property
    def watching(self) -> bool:
        """Whether it watches."""

    @property
    def down_for(self) -> float:
        """Seconds since it did."""


class HasElector(Protocol):
    """The elector, as far as health goes."""

    @property
    def running(self) -> bool:
        """Whether it still tries."""


class HasSyncer(Protocol):
    """The syncer, as far as health goes."""

    synced: bool
    problem: str

    @property
    def running(self) -> bool:
        """Whether it still compares, or has yet to begin."""


class Ticker:
    """Ticks with the loop, so that a blocked loop shows."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._last = monotonic()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to tick."""
        self._task = asyncio.create_task(self._run(), name="tick")

    def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    @property
    def silent_for(self) -> float:
        """Seconds since the last tick."""
        return self._monotonic() - self._last

    async def _run(self) -> None:
        while True:
            self._last = self._monotonic()
            await asyncio.sleep(TICK)


def liveness(
    ticker: Ticker, queue: HasQueue, watch: HasWatch, elector: HasElector, syncer: HasSyncer
) -> dict[str, Check]:
    """What must hold for the process to be left running."""

    def loop() -> str | None:
        silent = ticker.silent_for
        return f"no tick for {silent:.0f} s" if silent > LATEST_TICK else None

    def keys() -> str | None:
        age = queue.oldest_age
        return f"a key has waited {age.total_seconds():.0f} s" if age > OLDEST_KEY else None

    def kopf() -> str | None:
        return f"down for {watch.down_for:.0f} s" if watch.down_for > LONGEST_DOWN else None

    def lease() -> str | None:
        return None if elector.running else "nobody tries to renew it"

    def resync() -> str | None:
        return None if syncer.running else "nobody compares with the API server"

    return {"loop": loop, "queue": keys, "watch": kopf, "lease": lease, "resync": resync}


def readiness(
    syncer: HasSyncer, watch: HasWatch, is_stopping: Callable[[], bool] = lambda: False
) -> dict[str, Check]:
    """What must hold for the process to be of use, and not about to go."""

    def synced() -> str | None:
        return None if syncer.synced else (syncer.problem or "not every kind has been listed")

    def watching() -> str | None:
        return None if watch.watching else "kopf does not watch"

    def staying() -> str | None:
        return "it was asked to stop" if is_stopping() else None

    return {"stop": staying, "sync": synced, "watch": watching}


class CannotListen(Exception):
    """The address is taken or is none; the message says which and why."""


class HealthServer:
    """Serves the three paths; a failing check answers 503 and says what is wrong in one line."""

    def __init__(self, metrics: Metrics, live: Mapping[str, Check], ready: Mapping[str, Check]) -> None:
        self._metrics = metrics
        self._live, self._ready = live, ready
        self._runner: web.AppRunner | None = None
        self.port = 0
        """The port that is listened on, once started."""

    async def start(self, address: str) -> None:
        """Listen on `host:port` or `:port`; port 0 takes a free one. Raises CannotListen."""
        host, _, port = address.rpartition(":")
        app = web.Application()
        app.router.add_get("/livez", self._answer_live)
        app.router.add_get("/readyz", self._answer_ready)
        app.router.add_get("/metrics", self._answer_metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host.strip("[]") or None, int(port), reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            why = error.strerror or error
            raise CannotListen(f"{address} cannot be listened on; choose another: {why}") from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer_live(self, request: web.Request) -> web.Response:
        return _answer(self._live)

    async def _answer_ready(self, request: web.Request) -> web.Response:
        return _answer(self._ready)

    async def _answer_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": METRICS_TYPE})


def faults_of(checks: Mapping[str, Check]) -> tuple[str, ...]:
    """What is wrong, each with the name of its check in front."""
    return tuple(f"{name}: {fault}" for name, check in checks.items() if (fault := check()))


def _answer(checks: Mapping[str, Check]) -> web.Response:
    if faults := faults_of(checks):
        return web.Response(status=503, text="; ".join(faults).replace("\n", " ") + "\n")
    return web.Response(text="ok\n")
