"""One run's world: an API server, vendors, operators, and people who wait for what they see."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.faults.crossings import Crossing
from tests.faults.network import Network
from tests.faults.news import News
from tests.faults.operators import Operator
from tests.faults.team import CANARIES, INCIDENTS, NAMES, Body, Team
from tests.faults.vendors import Vendors
from tests.faults.virtual_time import Process
from tests.faults.watch import Disturbance, Event
from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import Request
from tests.support.apiserver.resources import NAMESPACES

AHEAD = 60.0
"""Seconds by which a later level may come before this one was due."""

Found = TypeVar("Found")


class NeverCame(Exception):
    """What somebody waited for did not come."""


@dataclass
class Stage(Team):
    """What a scenario is played on."""

    operators: list[Operator] = field(init=False)
    options: dict[str, Any] = field(default_factory=dict)
    """Settings of the operators that are not as they come."""
    disturbed: dict[str, tuple[str, Disturbance]] = field(default_factory=dict)
    """By the number or the place of the crossing, which fault befalls an event of the watch, and how."""
    down_until: float = 0.0
    """Until when the API server does not answer anybody."""
    cut_until: dict[Process, float] = field(default_factory=dict)
    """Until when one process cannot reach it."""
    sick_until: float = 0.0
    sickness: Callable[[Request], Answer | None] = lambda request: None
    """What it answers until then."""
    outages: list[tuple[float, float]] = field(default_factory=list)
    """From when to when the API server answered nobody."""
    instead: set[str] = field(default_factory=set)
    """The levels for which somebody else was paged."""
    metrics: list[str] = field(default_factory=list)
    """What each process told of itself in the end."""
    now_at_end: float = 0.0
    waits: list[tuple[str, float, float]] = field(default_factory=list)
    """(what, since when it was due, when it came)."""

    def __post_init__(self) -> None:
        """Set up a server with a team in namespace shop."""
        super().__post_init__()
        self._connect()
        for name in (self.namespace, "watchbill"):
            self.server.writer.create(NAMESPACES, "", {"metadata": {"name": name}})
        for name, values in CANARIES.items():
            self.secret(name, values)

    def _connect(self) -> None:
        """Lay the network between the server, the vendors and what will be there."""
        self.vendors = Vendors(self._loop.time, self.wall)
        self.network = Network(self.server, self.vendors)
        self.network.cut_off = self._is_cut_off
        self.network.refuses = self._refusal

    async def open(self, replicas: int = 1) -> None:
        """Start the operators."""
        names = ("one", "two")[:replicas]
        self.operators = [Operator(name, self.network, self._disturb, options=self.options) for name in names]
        for operator in self.operators:
            operator.start()

    @property
    def leader(self) -> Operator:
        """The operator that leads; the first where none does."""
        return next((each for each in self.operators if each.leads), self.operators[0])

    def operator_of(self, crossing: Crossing) -> Operator:
        """The operator whose process met the crossing."""
        return next(each for each in self.operators if each.name == crossing.process)

    def go_down(self, seconds: float) -> None:
        """Have the API server answer nobody for so many seconds of the story."""
        self.down_until = self.now + self.span(seconds)
        self.outages.append((self.now, self.down_until))

    # What they wait for

    async def wait(self, what: str, found: Callable[[], Found], due: float | None = None) -> Found:
        """What was found; raises NeverCame. `due` is when it should have come, by default now."""
        since, news = self.now if due is None else due, self._news()
        while not (seen := found()):
            if self.now > since + self.pace.patience:
                raise NeverCame(what)
            await news.wait(since + self.pace.patience - self.now)
            await asyncio.sleep(self.pace.look)
        news.end()
        self.waits.append((what, since, self.now))
        return seen

    def _news(self) -> News:
        """That somebody who waits may see something that was not there before."""
        return News(self.server.on_change, self.vendors.on_arrival)

    async def paged(self, level: str, uid: str, due: float | None = None, vendor: str = "") -> None:
        """Wait until somebody of a level is paged, or somebody else instead."""
        since = self.now if due is None else due

        def somebody() -> bool:
            if uid in self.said:
                return True
            here = bool(self.vendors.paged(level, uid, vendor))
            if not here and self._somebody_later(level, uid, since):
                self.instead.add(level)
                return True
            return here

        await self.wait(f"a page of level {level}", somebody, due)

    async def recorded(self, uid: str, epoch: int = 1) -> None:
        """Wait until the pages of an epoch stand in the status: what comes after is about something known."""

        def pages() -> bool:
            found = next((i for i in map(self.incident, NAMES) if i and i["metadata"]["uid"] == uid), {})
            return any(page["epoch"] >= epoch for page in found.get("status", {}).get("pages", ()))

        await self.wait("its record", pages)

    async def paged_again(self, uid: str, epoch: int = 1, walk: int = 1, due: float | None = None) -> None:
        """Wait until somebody is paged in an epoch: in this walk through the levels or by the last resort."""

        def anew() -> bool:
            pages = self.vendors.paged(uid=uid)
            return any(p.epoch >= epoch and (p.round >= walk or p.level == "lastResort") for p in pages)

        await self.wait(f"a page of epoch {epoch}, round {walk},", anew, due)

    async def taken(self, name: str = "cart") -> None:
        """Wait until it is recorded that somebody has taken an incident, or that it is over."""
        waiting = (None, "Pending", "Triggered")
        await self.wait("its being taken", lambda: self.status(name).get("phase") not in waiting)

    async def rest(self, seconds: float) -> None:
        """Do nothing for so many seconds of the story."""
        await asyncio.sleep(self.span(seconds))

    async def rest_until(self, moment: float) -> None:
        """Do nothing until a moment of the loop's clock."""
        await asyncio.sleep(max(moment - self.now, 0.0))

    async def settle(self) -> bool:
        """Wait until nothing changes any more; whether it came to that."""
        end = self.now + self.pace.longest
        while self.now < end:
            version, led = self._version(), self.leader.leads
            await asyncio.sleep(self.pace.quiet)
            calm = self.now > max(self.down_until, self.sick_until, *self.cut_until.values(), 0.0)
            if calm and version == self._version() and not self._is_owed() and led and self.leader.leads:
                return True
        return False

    async def close(self) -> None:
        """End everything that still runs; nothing that it does then matters."""
        self.down_until, self.now_at_end = float("inf"), self.now
        for operator in self.operators:
            operator.restarts = False
            self.metrics += operator.measures()
            for process in operator.past:
                await process.bury()

    def _version(self) -> list[tuple[str, str]]:
        return [(key, body["metadata"]["resourceVersion"]) for key, body in self.server.store.all(INCIDENTS)]

    def _incidents(self) -> list[Body]:
        return [body for _, body in self.server.store.all(INCIDENTS)]

    def _is_owed(self) -> bool:
        """Whether a vendor is still to be told something: of an incident, or of one that is gone."""
        incidents = self._incidents()
        pages = [page for body in incidents for page in body.get("status", {}).get("pages", [])]
        closings = [hop.get("closing") or {} for page in pages for hop in page["hops"]]
        uids = {body["metadata"]["uid"] for body in incidents}
        left = any(key.partition("/")[0] not in uids for key in self.vendors.open_alerts)
        return (left and self.now < self.deleted + self.pace.told_within) or any(
            map(self._is_untold, closings)
        )

    def _is_untold(self, closing: Body) -> bool:
        """Whether the vendor is still to be told of an end, or to be told again."""
        return closing.get("state") == "Pending" or bool(closing.get("nextAttemptTime"))

    def _somebody_later(self, level: str, uid: str, since: float) -> bool:
        """Whether a page of a level came that opens only where nobody of this one could be reached."""
        order = list(self.delays)
        later = order[order.index(level) + 1 :]
        # The next level opens at once where all of this one was refused for good.
        return any(page.time >= since - AHEAD and page.level in later for page in self.vendors.paged(uid=uid))

    def _is_cut_off(self, process: Process) -> bool:
        return self.now < max(self.down_until, self.cut_until.get(process, 0.0))

    def _refusal(self, request: Request) -> Answer | None:
        return self.sickness(request) if self.now < self.sick_until else None

    def _disturb(self, crossing: Crossing, event: Event) -> list[tuple[float, Event]] | None:
        by_number = self.disturbed.pop(str(crossing.number), None)
        found = by_number or self.disturbed.pop(crossing.place, None)
        if found is None:
            return [(0.0, event)]
        fault, change = found
        self.network.note(crossing, fault)
        return change(crossing, event)
