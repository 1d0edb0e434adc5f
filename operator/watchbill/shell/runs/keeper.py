"""Brings one run up to date: observe, decide, write once, and only then perform."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from watchbill.api.runbook_run import RunbookRun
from watchbill.api.runbook_run_status import ENDED, RunbookRunStatus
from watchbill.core.backoff import backoff
from watchbill.core.runs.decide import decide_run
from watchbill.core.runs.decision import RunDecision, RunEvent
from watchbill.core.runs.outcomes import RunOutcome
from watchbill.core.runs.record import record_run
from watchbill.shell.cache import ObjectKey
from watchbill.shell.clock import Clock
from watchbill.shell.kube import Conflict, Invalid, KubeError, NotFound, Unreachable
from watchbill.shell.runs.in_hand import InHand
from watchbill.shell.runs.observing import RunObserver
from watchbill.shell.runs.performing import RunPerformer
from watchbill.shell.runs.storing import RunStore

AGAIN = timedelta(seconds=2)
"""How soon it is tried again where the API server does not answer."""

PAUSED = timedelta(seconds=5)
"""How soon it is looked whether a pause of all runs has ended."""

CONFLICTS = 5
"""How often one reconcile begins anew because somebody else wrote."""

REFUSED_LONGEST = timedelta(minutes=5)
"""The longest wait before a status is tried again that the API server has refused as it is."""

LOOKS = 4
"""How often one decision is made anew because something that it missed was there."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunParts:
    """What runs are kept with."""

    observer: RunObserver
    performer: RunPerformer
    in_hand: InHand
    clock: Clock
    tell: Callable[[RunbookRun, RunEvent], None]
    """Posts an Event about a run; never waits."""
    may_act: Callable[[], bool]
    """Whether this process leads."""
    measure: Callable[[RunbookRun, RunbookRunStatus], None]
    """Counts what a write has changed: the run as it was, and its status after."""


class RunKeeper:
    """Reconciles runs; several at once, but each by one worker at a time."""

    def __init__(self, parts: RunParts, store: RunStore) -> None:
        self._parts = parts
        self._store = store
        self._refusals: dict[ObjectKey, int] = {}
        """How often in a row the status of a run was refused as it is."""

    async def reconcile(self, key: ObjectKey) -> timedelta | None:
        """How soon to look again; None where only an event can change anything."""
        observer = self._parts.observer
        for attempt in range(CONFLICTS):
            try:
                # A server that was silent is asked again before anything is decided.
                run = await observer.run(key, fresh=attempt > 0 or observer.is_blind)
                if run is None or run.metadata.deletion_timestamp is not None:
                    if not observer.knows(key):
                        self._parts.in_hand.forget(key)
                    return None
                after = await self._keep(key, run)
                self._refusals.pop(key, None)
                return after
            except Conflict:
                continue
            except Invalid as error:
                return self._refused(key, error)
            except (NotFound, Unreachable):
                return AGAIN if observer.knows(key) else None
        return AGAIN

    def _refused(self, key: ObjectKey, error: Invalid) -> timedelta:
        """How soon to try again to write a status that the server has refused; people are told why."""
        number = self._refusals[key] = self._refusals.get(key, 0) + 1
        log.error("the status of a run is refused", run=f"{key.namespace}/{key.name}", problem=str(error))
        return backoff(number, longest=REFUSED_LONGEST)

    def deleted(self, key: ObjectKey, uid: str) -> None:
        """Forget a run that is gone."""
        self._refusals.pop(key, None)
        self._parts.in_hand.forget(key)
        self._forget(uid)

    async def record_rest(self) -> None:
        """Write what is in hand and has not been written; for when nothing is reconciled any more."""
        for key in self._parts.in_hand.keys():  # noqa: SIM118 - it is no mapping
            with suppress(KubeError):
                if (run := await self._parts.observer.run(key)) is not None:
                    await self._only_record(key, run)

    async def _keep(self, key: ObjectKey, run: RunbookRun) -> timedelta | None:
        parts = self._parts
        if run.status.phase in ENDED:
            self.deleted(key, run.metadata.uid)
            parts.observer.rest(key)
            return None
        if not parts.may_act():
            # Whoever leads next has seen a dead leader's claim for as long as its lease ran on.
            parts.observer.note_claims(run)
            await self._only_record(key, run)
            return None
        # Both at one moment: what ends meanwhile is still in flight for this decision.
        flying = parts.performer.in_flight(run.metadata.uid)
        outcomes, now = parts.in_hand.of(key, run.metadata.uid), parts.clock.now()
        recorded = record_run(run, outcomes, now)
        decision = await self._decided(run.model_copy(update={"status": recorded.status}), flying, now)
        written = await self._written(run, decision.status)
        parts.in_hand.written(key, len(outcomes))
        for event in (*recorded.events, *decision.events) if written else ():
            parts.tell(run, event)
        for effect in decision.effects:
            parts.performer.start(key, effect)
        if decision.wants_others:
            # The lock is wanted, and that is written: whoever wants it later sees it.
            await parts.observer.list_others(run)
            return timedelta(0)
        if decision.status.phase in ENDED or parts.in_hand.of(key, run.metadata.uid):
            return timedelta(0)
        after = decision.requeue_after
        if parts.observer.pause():
            # Nothing tells that it ends.
            after = min(after or PAUSED, PAUSED)
        return None if after is None else max(timedelta(0), now + after - parts.clock.now())

    async def _decided(
        self, run: RunbookRun, flying: frozenset[tuple[str, str]], now: datetime
    ) -> RunDecision:
        """The decision at a moment; what was missing is asked for before anything is decided on that."""
        parts = self._parts
        for _ in range(LOOKS):
            observation = replace(await parts.observer.observe(run), in_flight=flying)
            if not await parts.observer.absences.confirm():
                break
        return decide_run(observation, now)

    async def _written(self, run: RunbookRun, status: RunbookRunStatus) -> bool:
        """Whether anything had to be written; raises KubeError."""
        written = await self._store.write(run, status)
        if written:
            self._parts.measure(run, status)
        return written

    async def _only_record(self, key: ObjectKey, run: RunbookRun) -> None:
        """Write what this process did while it still led, and decide nothing new."""
        outcomes: list[RunOutcome] = self._parts.in_hand.of(key, run.metadata.uid)
        if outcomes:
            recorded = record_run(run, outcomes, self._parts.clock.now())
            await self._written(run, recorded.status)
            self._parts.in_hand.written(key, len(outcomes))

    def _forget(self, uid: str) -> None:
        self._parts.performer.forget(uid)
        self._parts.observer.forget(uid)
