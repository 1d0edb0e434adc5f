"""That something is new: whoever waits for it need not look again and again."""

import asyncio
from collections.abc import Callable

Hooks = list[Callable[[], None]]
"""Called whenever something may be new."""


class News:
    """Hears of what is new until it is ended; where it has no source, there always is something."""

    def __init__(self, *sources: Hooks, is_news: Callable[[], bool] = lambda: True) -> None:
        self._sources, self._is_news, self._event = sources, is_news, asyncio.Event()
        for hooks in sources:
            hooks.append(self._look)

    def wake(self) -> None:
        """Have the wait end, now or when it is next begun."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when there is something new since the last time, or the time is over."""
        if not self._sources:
            return
        timer = asyncio.get_running_loop().call_later(seconds, self.wake)
        await self._event.wait()
        timer.cancel()
        self._event.clear()

    def end(self) -> None:
        """Hear no more."""
        for hooks in self._sources:
            hooks.remove(self._look)

    def _look(self) -> None:
        if self._is_news():
            self._event.set()
