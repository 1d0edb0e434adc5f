"""The watch without kopf: it asks from where on to watch each kind, and goes on from there, as kopf does."""

import asyncio
from typing import Any, Protocol

from tests.faults.crossings import Crossing
from tests.faults.network import Surface
from tests.faults.news import News
from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import Request
from tests.support.apiserver.requests import NoAnswer
from tests.support.apiserver.watching import Stream
from watchbill.api.kinds import KINDS
from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import path_of
from watchbill.shell.watch import LISTING, Deliver, Watch

PAUSE = 1.0
"""Seconds until a list or a stream that failed is tried again."""

SILENCE = 5.0
"""Seconds between two looks whether the streams still hold."""

Event = dict[str, Any]


class Disturbance(Protocol):
    """What may be done to an event on its way."""

    def __call__(self, crossing: Crossing, event: Event) -> list[tuple[float, Event]] | None:
        """What is told instead, each after so many seconds; None where the stream breaks off with 410."""


def undisturbed(crossing: Crossing, event: Event) -> list[tuple[float, Event]] | None:
    """The event itself, at once."""
    return [(0.0, event)]


class LocalWatch(Watch):
    """Tells of every event of every kind that the network lets through."""

    def __init__(
        self,
        credentials: Credentials,
        clock: Clock,
        metrics: Metrics,
        deliver: Deliver,
        surface: Surface,
        disturb: Disturbance,
    ) -> None:
        super().__init__(credentials, clock, metrics, deliver)
        self._surface = surface
        self._disturb = disturb
        self._tasks: list[asyncio.Task[None]] = []
        self._listening: set[News] = set()

    @property
    def watching(self) -> bool:
        """Whether every kind is watched."""
        return len(self._watched) == len(KINDS)

    @property
    def silent_for(self) -> float:
        """Zero: nothing here asks."""
        return 0.0

    def start(self) -> None:
        """Begin to watch each kind."""
        self._tasks = [
            asyncio.create_task(self._follow(kind.name), name=f"watch {kind.name}") for kind in KINDS
        ]
        self._tasks.append(asyncio.create_task(self._notice(), name="notice silence"))
        asyncio.get_running_loop().call_later(LISTING, self.on_gap)

    def restart(self) -> None:
        """Begin anew, as kopf does when it is told to: what was deleted meanwhile it never tells."""
        for task in self._tasks:
            task.cancel()
        self._watched.clear()
        self.on_gap()
        self.start()

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()

    async def _notice(self) -> None:
        """Have every stream end once the server cannot be reached."""
        while True:
            await asyncio.sleep(SILENCE)
            if self._surface.network.cut_off(self._surface.process):
                for news in self._listening:
                    news.wake()

    async def _follow(self, kind: str) -> None:
        version = ""
        while True:
            try:
                version = version or await self._begin(kind)
                version = await self._stream(kind, version)
            except NoAnswer:
                await asyncio.sleep(PAUSE)

    async def _begin(self, kind: str) -> str:
        """The version from where on the kind is watched; what the list has nobody is told."""
        found = await self._surface.handle(Request("GET", path_of(kind), {"limit": "500"}))
        assert isinstance(found, Answer)
        if found.code != 200 or not isinstance(found.body, dict):
            raise NoAnswer
        self._watches(kind)
        return str(found.body["metadata"]["resourceVersion"])

    async def _stream(self, kind: str, version: str) -> str:
        """The version to go on from; the empty text where everything must be listed again."""
        server = self._surface.network.server
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "600"}
        stream = await self._surface.handle(Request("GET", path_of(kind), query))
        if not isinstance(stream, Stream):
            return ""
        news = News(server.on_change, is_news=lambda: stream.has_news)
        self._listening.add(news)
        try:
            while not stream.ended:
                for event in server.drain(stream):
                    if event["type"] == "ERROR" or not self._pass(kind, event):
                        return ""
                    version = event["object"]["metadata"]["resourceVersion"]
                if self._surface.network.cut_off(self._surface.process):
                    raise NoAnswer
                await news.wait(stream.seconds_left)
        finally:
            self._listening.discard(news)
            news.end()
        return version

    def _pass(self, kind: str, event: Event) -> bool:
        """Whether the stream goes on after the event, which is told now, later, or not at all."""
        surface = self._surface
        crossing = surface.network.counted.of_event(surface.process.name, event["type"], kind)
        told = self._disturb(crossing, event)
        for after, each in told or ():
            if after:
                loop = asyncio.get_running_loop()
                loop.call_later(after, self._take, kind, each["type"], each["object"])
            else:
                self._take(kind, each["type"], each["object"])
        return told is not None
