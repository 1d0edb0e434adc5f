"""Runs a coroutine in a thread and a loop of its own, and starts it again whenever it ends."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

FIRST_PAUSE = 0.5
"""Seconds until it is started again after it ended; doubled each time it did not last a minute."""

LONGEST_PAUSE = 30.0
LASTING = 60.0

STOPPING = 12.0
"""Seconds that it gets to end; kopf takes 5 by itself while a request is under way (kopf.md §7, D-3)."""

Operate = Callable[[asyncio.Event, asyncio.Event], Awaitable[None]]
"""What runs until its first event is set, and sets the second when it has begun; both are of its loop."""

log = structlog.get_logger(__name__)


class Supervised:
    """Keeps `operate` running; everything is called in the loop in which `start` was."""

    def __init__(self, name: str, operate: Operate, monotonic: Callable[[], float]) -> None:
        self._name = name
        self._operate = operate
        self._monotonic = monotonic
        self._run: _Run | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._down_since = monotonic()
        self.on_begin: Callable[[], None] = lambda: None
        """Called each time that it has begun."""
        self.on_end: Callable[[], None] = lambda: None
        """Called each time that it ended without having been asked to by `stop`."""

    @property
    def ready(self) -> bool:
        """Whether it has begun and neither ended nor been asked to."""
        return self._run is not None and self._run.ready

    @property
    def down_for(self) -> float:
        """Seconds since it last was ready; 0 while it is."""
        return 0.0 if self.ready else self._monotonic() - self._down_since

    def start(self) -> None:
        """Begin; from now on it is started again whenever it ends."""
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervise {self._name}")

    def restart(self) -> None:
        """Have it end, and so be started again."""
        if self._run is not None:
            self._run.stop()

    async def stop(self) -> None:
        """End it, within 12 s or without it: its thread does not keep the process alive."""
        self._stopping.set()
        self.restart()
        if self._supervisor is not None:
            await asyncio.wait([self._supervisor])

    async def _supervise(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = self._monotonic()
            self._run = _Run(self._name, self._operate, asyncio.get_running_loop(), self._begun)
            problem = await self._run.ended()
            self._down_since = self._monotonic()
            if self._stopping.is_set():
                log.info("ended", thread=self._name, problem=problem)
                return
            lasted = self._monotonic() - began
            pause = FIRST_PAUSE if lasted > LASTING else pause
            log.error("ended; it is started again", thread=self._name, problem=problem, pause=pause)
            self.on_end()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(pause * 2, LONGEST_PAUSE)

    def _begun(self) -> None:
        if not self._stopping.is_set():
            self.on_begin()


class _Run:
    """One thread, from start to end."""

    def __init__(
        self, name: str, operate: Operate, main: asyncio.AbstractEventLoop, begun: Callable[[], None]
    ) -> None:
        self._operate = operate
        self._main = main
        self._begun = begun
        self._problem = "its loop was stopped"
        self._over = asyncio.Event()
        self._asked = asyncio.Event()
        # Flags of the thread's own loop: with flags of threads kopf hangs when it ends (kopf.md §7, D-2).
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_flag: asyncio.Event | None = None
        self._ready_flag: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._main_of_thread, name=name, daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        begun = self._ready_flag is not None and self._ready_flag.is_set()
        return begun and not self._asked.is_set() and not self._over.is_set()

    async def ended(self) -> str:
        """Return when the thread has ended, or has not though it was asked to; and say why."""
        over = asyncio.create_task(self._over.wait())
        asked = asyncio.create_task(self._asked.wait())
        await asyncio.wait([over, asked], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([over], timeout=STOPPING)
        for task in (over, asked):
            task.cancel()
        if self._over.is_set():
            return self._problem
        return "it did not end when asked to, and its thread is left to itself"

    def stop(self) -> None:
        self._asked.set()
        if self._loop is not None and self._stop_flag is not None:
            # The loop may close at any moment.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop_flag.set)

    def _main_of_thread(self) -> None:
        try:
            asyncio.run(self._watch_over())
        finally:
            self._tell(self._over.set)

    def _tell(self, what: Callable[[], None]) -> None:
        # The process's own loop is closed already where the process ends without waiting for us.
        with suppress(RuntimeError):
            self._main.call_soon_threadsafe(what)

    async def _tell_of_beginning(self, ready_flag: asyncio.Event) -> None:
        await ready_flag.wait()
        self._tell(self._begun)

    async def _watch_over(self) -> None:
        self._stop_flag, self._ready_flag = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._asked.is_set():
            return
        teller = asyncio.create_task(self._tell_of_beginning(self._ready_flag))
        task = asyncio.ensure_future(self._operate(self._stop_flag, self._ready_flag))
        # It is waited for, not awaited: whatever it raises is told, and ends this run alone.
        await asyncio.wait([task])
        teller.cancel()
        error = None if task.cancelled() else task.exception()
        self._problem = "cancelled" if task.cancelled() else repr(error) if error else "stopped"
