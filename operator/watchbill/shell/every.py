"""Does one thing again and again, in a task of its own."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

Sleep = Callable[[float], Awaitable[None]]

log = structlog.get_logger(__name__)


class Every:
    """Does it at once and then every so many seconds; where it takes longer, the next turn comes at its end.

    What it raises is logged and ends it.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        action: Callable[[], Awaitable[object]],
        monotonic: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._action = action
        self._monotonic = monotonic
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=self._name)
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End, also in the middle."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            following = self._monotonic() + self._seconds
            await self._action()
            await self._sleep(max(following - self._monotonic(), 0.0))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("it ended, and is not begun again", what=self._name, exc_info=task.exception())
