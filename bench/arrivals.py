"""What arrived at the sink, as the driver sees it."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from bench.child import Child, python

PAGERDUTY_PATH = "/v2/enqueue"


@dataclass(frozen=True)
class Arrival:
    """One request: when it came in seconds of CLOCK_MONOTONIC, of which incident, and what it said."""

    time: float
    incident: str
    """Its name; empty where the request names none."""
    action: str
    key: str


class Sink:
    """The sink's process, and what came there so far."""

    def __init__(self, log: Path) -> None:
        self._child = Child(python("bench.sink"), log)
        self._arrivals: list[Arrival] = []
        self._came = asyncio.Condition()
        self._follower: asyncio.Task[None] | None = None
        self._requests = 0
        self.url = ""

    async def __aenter__(self) -> Self:
        self._child.start()
        _, port = self._child.wait_for_line(20)
        self.url = f"http://127.0.0.1:{port}"
        self._follower = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        self._child.stop()

    @property
    def count(self) -> int:
        """How many arrivals there are."""
        return len(self._arrivals)

    def since(self, begin: int) -> list[Arrival]:
        """The arrivals from this number on."""
        return self._arrivals[begin:]

    def doubled(self, begin: int) -> int:
        """How many pages from this number on came under a key that another one had."""
        keys = [each.key for each in self.since(begin) if each.action == "trigger"]
        return len(keys) - len(set(keys))

    async def pages_of(self, begin: int, names: Iterable[str], within: float = 60) -> dict[str, Arrival]:
        """The first page of each of these incidents from this number on: all, or what came in time."""
        wanted, pages, seen = set(names), dict[str, Arrival](), 0

        def all_came(arrivals: list[Arrival]) -> bool:
            nonlocal seen
            for each in arrivals[seen:]:
                if each.action == "trigger" and each.incident in wanted:
                    pages.setdefault(each.incident, each)
            seen = len(arrivals)
            return len(pages) == len(wanted)

        with suppress(TimeoutError):
            async with asyncio.timeout(within), self._came:
                await self._came.wait_for(lambda: all_came(self.since(begin)))
        return pages

    async def _follow(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{self.url}/arrivals/{self._requests}") as answer:
                    new = await answer.json()
                self._requests += len(new)
                async with self._came:
                    for moment, path, body in new:
                        self._arrivals += read(moment, path, body)
                    self._came.notify_all()


def read(moment: float, path: str, body: str) -> list[Arrival]:
    """The arrivals that one request stands for: Alertmanager may put several alerts into one."""
    content: dict[str, Any] = json.loads(body)
    if path == PAGERDUTY_PATH:
        source = content.get("payload", {}).get("source", "")
        name = source.rpartition("/")[2]
        return [Arrival(moment, name, content["event_action"], content["dedup_key"])]
    if "alerts" in content:
        names = (alert["labels"]["alertname"] for alert in content["alerts"])
        return [Arrival(moment, name, "trigger", name) for name in names]
    return [Arrival(moment, content["incident"], content.get("action", "trigger"), content["key"])]
