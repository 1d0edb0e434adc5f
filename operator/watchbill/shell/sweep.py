"""Has every incident that rests looked at, a page at a time: they are many, and not all at once in memory.

So it is after a start and after a change of leader: a deadline may have passed, or somebody may have acted,
while nobody watched.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from watchbill.shell.kube import Invalid, Kube, KubeError
from watchbill.shell.paths import path_of

RESTING_PHASES = ("Acknowledged", "Mitigated", "Resolved", "Closed", "Cancelled")
"""The phases in which nobody is waited for with pages. Incidents in any other are listed before."""

RETRY = 2.0
"""Seconds until a sweep that failed is begun anew."""

log = structlog.get_logger(__name__)


class Sweep:
    """Reads the incidents that rest when it is asked to; each page waits until the last was looked at."""

    def __init__(
        self, kube: Kube, look: Callable[[dict[str, Any]], None], looked: Callable[[], Awaitable[None]]
    ) -> None:
        """`look` takes each incident; `looked` returns once every incident so far has been looked at."""
        self._kube = kube
        self._look = look
        self._looked = looked
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.complete = False
        """Whether every incident has been seen by this process."""
        self.on_complete: Callable[[], None] = lambda: None
        """Called when that is so for the first time."""

    def start(self) -> None:
        """Sweep once, and whenever it is requested."""
        self._wanted.set()
        self._task = asyncio.create_task(self._run(), name="sweep")

    def request(self) -> None:
        """Sweep once more: much may have happened unseen."""
        if self._task is not None:
            self._wanted.set()

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._sweep()
            except KubeError as error:
                log.warning("incidents that rest cannot be listed", problem=str(error))
                self._wanted.set()
                await asyncio.sleep(RETRY)
                continue
            if not self.complete:
                self.complete = True
                self.on_complete()

    async def _sweep(self) -> None:
        for path in (path_of("Incident", place) for place in self._kube.places("Incident")):
            for phase in RESTING_PHASES:
                try:
                    async for page in self._kube.pages(path, fields=f"status.phase={phase}"):
                        for raw in page.items:
                            self._look(raw)
                        await self._looked()
                except Invalid:
                    # A server that cannot select has told of all incidents when it was asked for the others.
                    return
