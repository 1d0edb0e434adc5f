"""Brings one incident up to date: observe, decide, perform, record, and write once."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.channel_record import can_wait
from watchbill.core.decide import decide
from watchbill.core.decision import Decision, Event
from watchbill.core.effects import Effect, SendPage, follows_its_record, key_of
from watchbill.core.ledger import with_missing
from watchbill.core.mitigation import StartRun
from watchbill.core.outcomes import Outcome
from watchbill.core.record import record
from watchbill.core.resting import may_rest
from watchbill.shell.cache import ObjectKey, Raw
from watchbill.shell.clock import Clock
from watchbill.shell.kube import Conflict, KubeError, NotFound, Unreachable
from watchbill.shell.observe import Observer
from watchbill.shell.order import Order
from watchbill.shell.perform import Performer
from watchbill.shell.remains import Remains
from watchbill.shell.store import AHEAD, LATER, SHOWN, Store
from watchbill.shell.tally import Tally
from watchbill.shell.unwritten import Held, Unwritten

RECORD_WAIT = 1.0
"""Seconds that a record waits for outcomes; later ones ride on a later write (DESIGN §4, rule 4)."""

BLIND_FOR = timedelta(minutes=30)
"""How long this process goes on while the API server cannot be reached (DESIGN §4, rule 6)."""

CLAIM_PATIENCE = timedelta(seconds=30)
"""After how long a claim that is refused is no longer waited for (DESIGN §4, rule 17)."""

WRITE_AGAIN = timedelta(seconds=2)
"""How soon a write that failed is tried again."""

CONFLICTS = 5
"""How often one reconcile begins anew because somebody else wrote."""

LOOKS = 6
"""How often one decision is made anew because something that it missed was there: a class names a policy,
which names connections."""

log = structlog.get_logger(__name__)


class Outdated(Exception):
    """What is being decided on is not what is there any more."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What incidents are kept with."""

    observer: Observer
    performer: Performer
    store: Store
    clock: Clock
    tally: Tally
    unwritten: Unwritten
    remains: Remains
    tell: Callable[[Incident, Event], None]
    """Posts an Event about an incident; never waits."""
    may_act: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision that needs no more waiting, and all that was told on the way to it."""

    decision: Decision
    at: datetime
    events: tuple[Event, ...]
    outcomes: int
    """How many outcomes in hand are part of it."""


class IncidentKeeper:
    """Reconciles incidents; several at once, but each by one worker at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.start_runs: Callable[[tuple[StartRun, ...]], None] = lambda wanted: None
        """Called with the runs that start by themselves, once it is written that they do; never waits."""

    async def reconcile(self, key: ObjectKey) -> timedelta | None:
        """How soon to look again; None where only an event can change anything."""
        observer, unread = self._parts.observer, False
        for attempt in range(CONFLICTS):
            # A server that was silent is asked again before anything is decided on its silence.
            silent = observer.blind_since is not None
            try:
                incident = await observer.incident(key, fresh=attempt > 0 or silent)
            except Unreachable:
                unread, incident = True, observer.last_seen(key)
                if incident is None:
                    return WRITE_AGAIN
            except NotFound:
                return self._look_again_unless_gone(key)
            if incident is None or incident.metadata.deletion_timestamp is not None:
                # What is in hand of an incident that is about to go is for `deleted`.
                if not observer.knows(key):
                    self._parts.unwritten.forget(key)
                return None
            try:
                return await self._keep(key, incident, unread, may_begin_anew=attempt < CONFLICTS - 1)
            except (Conflict, Outdated):
                continue
            except NotFound:
                return self._look_again_unless_gone(key)
        return WRITE_AGAIN

    def deleted(self, key: ObjectKey, last: Raw) -> None:
        """Tell the outside that an incident is gone whose pages may be open (DESIGN §4, rule 18)."""
        parts, uid = self._parts, last["metadata"]["uid"]
        if parts.may_act():
            parts.remains.resolve(key, last)
        parts.unwritten.forget(key)
        parts.tally.gone(uid)
        parts.observer.forget(uid)

    async def record_rest(self) -> None:
        """Write what is in hand and has not been written; for when nothing is reconciled any more."""
        for key in self._parts.unwritten.in_hand():
            with suppress(KubeError):
                incident = await self._parts.observer.incident(key)
                if incident is not None:
                    await self._only_record(key, incident)

    def _look_again_unless_gone(self, key: ObjectKey) -> timedelta | None:
        """A server that has just started finds no object of ours: only the watch tells that one is gone."""
        if self._parts.observer.knows(key):
            return WRITE_AGAIN
        self._parts.unwritten.forget(key)
        return None

    async def _keep(
        self, key: ObjectKey, incident: Incident, unread: bool, may_begin_anew: bool
    ) -> timedelta | None:
        parts, now = self._parts, self._parts.clock.now()
        if not parts.may_act():
            # Whoever leads next has seen a dead leader's claim for as long as its lease ran on.
            parts.observer.note_claims(incident)
            after = await self._only_record(key, incident)
            self._rest(key, incident, incident.status)
            return after
        blind_since = parts.observer.blind_since
        if blind_since is not None and now - blind_since > BLIND_FOR:
            return WRITE_AGAIN
        with parts.unwritten.awaiting(key):
            status = parts.unwritten.start(key, incident, now)
            # What it was planned with may be gone before the first record: what is on its way stays known.
            flying = parts.performer.pages_in_flight(incident.metadata.uid)
            settled = await self._settle(key, incident, with_missing(status, flying))
        if unread:
            return self._unwritable(key, incident, settled, Unreachable(0, "", "it did not answer a read"))
        status = settled.decision.status
        waits = status != incident.status and can_wait(incident.status, status)
        if not waits:
            try:
                await self._write(key, incident, settled)
            except NotFound:
                raise
            except KubeError as error:
                if isinstance(error, Conflict) and may_begin_anew:
                    raise
                return self._unwritable(key, incident, settled, error)
        self._perform(key, incident, filter(follows_its_record, settled.decision.effects))
        self.start_runs(settled.decision.runs)
        if len(parts.unwritten.outcomes(key)) > (settled.outcomes if waits else 0):
            # What came in the last moment woke nobody.
            return timedelta(0)
        self._rest(key, incident, status)
        return self._later(settled)

    async def _write(self, key: ObjectKey, incident: Incident, settled: Settled) -> None:
        parts, status = self._parts, settled.decision.status
        parts.tally.writing(incident, status)
        written = await parts.store.write(incident, status, _rank(incident, settled.decision))
        parts.unwritten.written(key, settled.outcomes)
        if parts.observer.knows(key):  # What was deleted during the write is counted no more.
            parts.tally.written(incident, status)
            parts.observer.channels.note(incident.metadata.uid, status)
        for event in settled.events if written else ():
            parts.tell(incident, event)

    def _rest(self, key: ObjectKey, incident: Incident, status: IncidentStatus) -> None:
        """Keep no more in memory of an incident than it takes to know it again, where it may rest."""
        if not self._parts.performer.in_flight(incident.metadata.uid) and may_rest(status):
            self._parts.observer.rest(key)

    async def _settle(self, key: ObjectKey, incident: Incident, status: IncidentStatus) -> Settled:
        """Decide and perform until nothing is left to do before the write, or a second has passed."""
        clock, unwritten = self._parts.clock, self._parts.unwritten
        deadline = clock.monotonic() + RECORD_WAIT
        events: tuple[Event, ...] = ()
        seen = len(unwritten.outcomes(key))
        pending: set[asyncio.Task[Outcome | None]] = set()
        while True:
            decision, at = await self._decided(key, incident, status)
            events += decision.events
            free = [effect for effect in decision.effects if not follows_its_record(effect)]
            pending |= self._perform(key, incident, free)
            left = deadline - clock.monotonic()
            if not pending or left <= 0:
                return Settled(decision, at, events, seen)
            done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if any(task.result() is None for task in done):
                # Dropped, for somebody has changed the incident: deciding on it again would only repeat that.
                raise Outdated
            new = unwritten.outcomes(key)[seen:]
            seen += len(new)
            status = record(decision.status, new, clock.now())

    async def _decided(
        self, key: ObjectKey, incident: Incident, status: IncidentStatus
    ) -> tuple[Decision, datetime]:
        """The decision, and the moment that it is for; what is missing was asked for at the API server."""
        parts = self._parts
        incident = incident.model_copy(update={"status": status})
        for _ in range(LOOKS):
            observation = replace(
                parts.observer.observe(incident),
                in_flight=parts.performer.in_flight(incident.metadata.uid),
                blind_since=parts.observer.blind_since,
            )
            now = parts.clock.now()
            decision = decide(observation, now)
            if not await parts.observer.absences.confirm():
                return _looked_at_again(decision) if observation.blind_since else decision, now
        raise Outdated

    async def _only_record(self, key: ObjectKey, incident: Incident) -> timedelta | None:
        """Write what this process did and decided while it still led, and decide nothing new."""
        parts, outcomes = self._parts, self._parts.unwritten.outcomes(key)
        if not outcomes:
            return None
        status = parts.unwritten.start(key, incident, parts.clock.now())
        parts.tally.writing(incident, status)
        try:
            await parts.store.write(incident, status)
        except (Conflict, NotFound):
            raise
        except KubeError:
            return WRITE_AGAIN
        parts.unwritten.written(key, len(outcomes))
        if parts.observer.knows(key):
            parts.tally.written(incident, status)
        return None

    def _unwritable(
        self, key: ObjectKey, incident: Incident, settled: Settled, error: KubeError
    ) -> timedelta:
        """Go on from memory: the page matters more than its record."""
        now, blind = self._parts.clock.now(), isinstance(error, Unreachable)
        version = incident.metadata.resource_version
        self._parts.unwritten.hold(key, Held(settled.decision.status, version, settled.outcomes, now))
        held = self._parts.unwritten.held(key)
        log.error("the status cannot be written; paging goes on", problem=str(error), blind=blind)
        if held is not None and (blind or now - held.since > CLAIM_PATIENCE):
            claims = filter(follows_its_record, settled.decision.effects)
            self._perform(key, incident, (effect for effect in claims if isinstance(effect, SendPage)))
        return min(WRITE_AGAIN, self._later(settled) or WRITE_AGAIN)

    def _perform(
        self, key: ObjectKey, incident: Incident, effects: Iterable[Effect]
    ) -> set[asyncio.Task[Outcome | None]]:
        flying = self._parts.performer.in_flight(incident.metadata.uid)
        return {
            self._parts.performer.start(Order(key, effect, incident.metadata.generation, incident.spec))
            for effect in effects
            if (key_of(effect), effect.action) not in flying
        }

    def _later(self, settled: Settled) -> timedelta | None:
        after = settled.decision.requeue_after
        if after is None:
            return None
        return max(timedelta(0), settled.at + after - self._parts.clock.now())


def _looked_at_again(decision: Decision) -> Decision:
    """The decision, which was made while the API server was silent: what it held back nobody else wakes."""
    after = decision.requeue_after
    return replace(decision, requeue_after=WRITE_AGAIN if after is None else min(after, WRITE_AGAIN))


def _rank(incident: Incident, decision: Decision) -> int:
    """How much waits for the record of a decision: what is claimed is sent after it, people see its phase."""
    if any(map(follows_its_record, decision.effects)):
        return AHEAD
    return LATER if decision.status.phase == incident.status.phase else SHOWN
