"""The scheduled test page: a real page through one connection, with nothing wrong, and its end.

It goes the whole way of a page: the Connection, its Secret, the provider, the connection's lane, the vendor.
What it leaves out is an Incident, for the operator may create none: `kubectl watchbill test-page` has one.
The record of the last one is an annotation of the Lease, so that whoever leads next neither pages twice in
one period nor leaves a page open.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import Protocol, Self

import structlog

from watchbill.api.connection import Connection
from watchbill.api.group import GROUP
from watchbill.api.incident_status import Hop, Page
from watchbill.api.model import format_time
from watchbill.core.backoff import LAST_PATIENCE, backoff
from watchbill.core.digest import digest
from watchbill.core.effects import ConnectionKey, IncidentFacts, ResolvePage, SendPage
from watchbill.core.outcomes import Outcome, Result
from watchbill.providers.facts import facts_of
from watchbill.shell.cache import ObjectKey
from watchbill.shell.every import Sleep
from watchbill.shell.metrics import started_at_zero
from watchbill.shell.order import Order
from watchbill.shell.perform import Outside, Performer

KEY_PREFIX = "test-page"
"""What the outward key of every test page begins with; the start of the period and the connection follow."""

NOTE = f"{GROUP}/test-page"
"""The annotation of the Lease that holds the record of the last one."""

LEVEL = "testPage"
SEVERITY = "TEST"
RANK = 1_000
"""After every page of an incident, where both wait for one connection."""

TITLE = "TEST: nothing is wrong, Watchbill tests whether pages get through"
SUMMARY = "Nothing is to be done. It ends by itself within a minute."

PERIOD = 1.0
"""Seconds between two looks for whether one is due."""

RING = 15.0
"""Seconds that it stays open once it was accepted, so that it rings."""

AGAIN = timedelta(minutes=5)
"""After how long a test page that did not get through is tried again."""

LATE = timedelta(minutes=3)
"""After how long without an end a test page that is due counts as one that does not get through."""


class State(StrEnum):
    """How far a test page went."""

    OPEN = "open"
    """It was accepted, and is to be resolved."""
    WELL = "well"
    """It was accepted and resolved."""
    FAILED = "failed"


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Through which connection, and how often."""

    connection: ConnectionKey
    every: timedelta
    """Periods are counted from the beginning of 1970 in UTC: one of 24h begins at midnight."""

    def period(self, now: datetime) -> datetime:
        """When the period that `now` is in began."""
        seconds = int(self.every.total_seconds())
        return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """What became of the last test page."""

    period: datetime
    connection: ConnectionKey
    state: State
    time: datetime
    """Since when it is so."""

    def __str__(self) -> str:
        """The record as it is noted."""
        times = format_time(self.period), format_time(self.time)
        return " ".join((self.state.value, times[1], "/".join(self.connection), times[0]))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The record that was noted; None for nothing, and for what is none."""
        try:
            state, time, connection, period = text.split(" ")
            namespace, name = connection.split("/")
            moments = datetime.fromisoformat(period), datetime.fromisoformat(time)
            return cls(moments[0], ConnectionKey(namespace, name), State(state), moments[1])
        except ValueError:
            return None


class Notes(Protocol):
    """Whoever leads, and what leaders keep for one another."""

    def is_leader(self) -> bool:
        """Whether this process may act now."""

    def note(self, name: str, value: str) -> None:
        """Keep a text under a name."""

    def noted(self, name: str) -> str:
        """The text that was last kept under the name; empty for none."""


class PageTester:
    """Sends a test page where one is due, and says whether the last one got through."""

    def __init__(
        self,
        schedule: Schedule,
        outside: Outside,
        notes: Notes,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._schedule = schedule
        self._cache = outside.cache
        self._clock = outside.clock
        self._metrics = outside.metrics
        started_at_zero(outside.metrics.test_pages, (State.WELL, State.FAILED))
        # Of its own, for what becomes of a test page is no incident's business.
        self._performer = Performer(outside, notes.is_leader, lambda key, outcome: None)
        self._notes = notes
        self._sleep = sleep

    @property
    def last(self) -> Record | None:
        """The last test page through the connection of the schedule; None where none is known."""
        found = Record.read(self._notes.noted(NOTE))
        return found if found is not None and found.connection == self._schedule.connection else None

    def problem(self) -> str:
        """What is wrong with the last test page, in a few words; empty where nothing is."""
        last, now = self.last, self._clock.now()
        through = "/".join(self._schedule.connection)
        if last is None or last.period < self._schedule.period(now - LATE):
            return f"none has come through {through} in this period"
        late = last.state is State.OPEN and now - last.time > LATE
        return f"the last one failed through {through}" if late or last.state is State.FAILED else ""

    async def drain(self, grace: float) -> None:
        """Wait for what is on its way, at most this many seconds."""
        await self._performer.drain(grace)

    async def look(self) -> None:
        """Send one and end it where it is due; end the one that a process left open that is gone."""
        if not self._notes.is_leader():
            return
        last = self.last
        if last is not None and last.state is State.WELL:
            self._metrics.test_page_last_success.set(last.time.timestamp())
        left = Record.read(self._notes.noted(NOTE))
        if left is not None and left.state is State.OPEN:
            await self._end(left)
        elif self._is_due(last, self._clock.now()):
            await self._begin()

    def _is_due(self, last: Record | None, now: datetime) -> bool:
        if last is None or last.period < self._schedule.period(now):
            return True
        return last.state is State.FAILED and now - last.time >= AGAIN

    async def _begin(self) -> None:
        now, where = self._clock.now(), self._schedule.connection
        record = Record(self._schedule.period(now), where, State.OPEN, now)
        connection = self._cache.read(Connection, *where)
        if connection is None:
            self._failed(record, f"connection {where.namespace}/{where.name} is not there")
            return
        outcome = await self._performed(page_of(record, connection, now), connection)
        if outcome is None:
            return  # The connection has changed, or another leads: whoever leads looks again.
        if outcome.result is not Result.OK:
            self._failed(record, f"{outcome.reason}: {outcome.message}")
            return
        record = self._noted(record, State.OPEN)
        log.info("a test page was accepted", connection="/".join(where))
        await self._sleep(RING)
        await self._end(record)

    async def _end(self, record: Record) -> None:
        """Resolve an accepted one."""
        connection = self._cache.read(Connection, *record.connection)
        if connection is None:
            self._failed(record, "its connection is gone before it was resolved; resolve it by hand")
            return
        page = page_of(record, connection, record.time)
        if facts_of(connection).resolves:
            effect = ResolvePage(page.incident, page.page, page.hop, by="Watchbill")
            outcome = await self._performed(effect, connection)
            if outcome is None:
                return
            if outcome.result not in (Result.OK, Result.CONFLICT):
                self._failed(record, f"it could not be resolved: {outcome.reason}: {outcome.message}")
                return
        self._noted(record, State.WELL)
        log.info("a test page got through", connection="/".join(record.connection))

    async def _performed(self, effect: SendPage | ResolvePage, connection: Connection) -> Outcome | None:
        """What became of the effect, tried for a minute; None where it is not wanted any more."""
        key = ObjectKey(Connection.kind_name, connection.metadata.namespace or "", connection.metadata.name)
        end = self._clock.monotonic() + LAST_PATIENCE.total_seconds()
        for attempt in count(1):
            outcome = await self._performer.start(Order(key, effect, connection.metadata.generation))
            if outcome is None or outcome.result not in (Result.RETRY, Result.UNKNOWN):
                return outcome
            wait = backoff(attempt, outcome.after).total_seconds()
            if self._clock.monotonic() + wait > end:
                return outcome
            if isinstance(effect, SendPage) and outcome.result is Result.UNKNOWN:
                effect = replace(effect, repeated=True)
            await self._sleep(wait)
        return None

    def _failed(self, record: Record, problem: str) -> None:
        self._noted(record, State.FAILED)
        where = "/".join(record.connection)
        log.error("a test page did not get through", connection=where, problem=problem)

    def _noted(self, record: Record, state: State) -> Record:
        noted = replace(record, state=state, time=self._clock.now())
        self._notes.note(NOTE, str(noted))
        if state is not State.OPEN:
            self._metrics.test_pages.labels(state.value).inc()
        if state is State.WELL:
            self._metrics.test_page_last_success.set(noted.time.timestamp())
        return noted


def page_of(record: Record, connection: Connection, due: datetime) -> SendPage:
    """The test page; its key is made of the period and the connection, and the same at every try."""
    uid = connection.metadata.uid
    where = record.connection
    key = f"{KEY_PREFIX}/{record.period:%Y%m%dT%H%M%SZ}/{uid}"
    facts = IncidentFacts(uid, *where, TITLE, SEVERITY, RANK, summary=SUMMARY, is_test=True)
    hop = Hop(connection=where.name, namespace=where.namespace, connection_uid=uid, key=key, state="Sending")
    page = Page(
        id=f"p-{digest(key)[:10]}",
        epoch=1,
        round=1,
        level=LEVEL,
        due_time=due,
        state="Pending",
        hops=(hop,),
    )
    return SendPage(facts, page, 0, first_of_epoch=True)
