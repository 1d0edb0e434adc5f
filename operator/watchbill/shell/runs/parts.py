"""Makes the parts that keep runs, and tells them of what has changed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from watchbill.api.incident import Incident
from watchbill.api.runbook_run import RunbookRun
from watchbill.core.mitigation import Mitigation, StartRun
from watchbill.core.runs.decision import RunEvent
from watchbill.core.runs.outcomes import RunOutcome
from watchbill.shell.cache import ObjectKey, Raw
from watchbill.shell.credentials import Credentials
from watchbill.shell.leader import Elector
from watchbill.shell.perform import Outside
from watchbill.shell.queue import Queue
from watchbill.shell.runs.account import Accounts
from watchbill.shell.runs.asker import Asker
from watchbill.shell.runs.client import AccountClient
from watchbill.shell.runs.discovery import Discovery
from watchbill.shell.runs.in_hand import InHand
from watchbill.shell.runs.keeper import RunKeeper, RunParts
from watchbill.shell.runs.measuring import RunMeter
from watchbill.shell.runs.observing import PAUSE_NOTE, RUN, RunObserver
from watchbill.shell.runs.of_incidents import OfferedRunbooks, RunsOfIncidents, around
from watchbill.shell.runs.people import People
from watchbill.shell.runs.performing import RunOutside, RunPerformer
from watchbill.shell.runs.starting import Starter
from watchbill.shell.runs.storing import RunStore
from watchbill.shell.settings import Settings, holder_of
from watchbill.shell.web import Web


@dataclass(frozen=True, slots=True)
class Around:
    """What runs share with the rest of the operator."""

    outside: Outside
    credentials: Credentials
    web: Web
    queue: Queue
    settings: Settings
    elector: Elector
    tell: Callable[[RunbookRun, RunEvent], None]
    is_complete: Callable[[], bool]
    """Whether all runbooks and runs have been listed."""


class Runs:
    """All that keeps runs."""

    def __init__(self, shared: Around) -> None:
        outside, settings = shared.outside, shared.settings
        self._cache, self._kube, self._queue = outside.cache, outside.kube, shared.queue
        self._is_leader = shared.elector.is_leader
        accounts = Accounts(outside.kube, outside.clock.monotonic, settings.account)
        self._client = AccountClient(shared.credentials, accounts, Discovery(outside.kube))
        people = People(outside, settings.last_resort, shared.elector.is_leader)
        asker = Asker(self._client, shared.web, people.say)
        self._in_hand = InHand()
        self._meter = RunMeter(outside.metrics)
        self._performer = RunPerformer(
            RunOutside(asker.answer, people.ask, outside.clock, self._may_act), self._came
        )
        identities = holder_of(settings.identity), f"system:serviceaccount:{settings.account}"
        self._observer = RunObserver(outside.cache, outside.kube, outside.clock, identities, outside.deliver)
        self._observer.pause = partial(shared.elector.noted, PAUSE_NOTE)
        parts = RunParts(
            observer=self._observer,
            performer=self._performer,
            in_hand=self._in_hand,
            clock=outside.clock,
            tell=shared.tell,
            may_act=shared.elector.is_leader,
            measure=self._meter.written,
        )
        self._is_complete = shared.is_complete
        self._books, self._of_incidents = OfferedRunbooks(outside.cache), RunsOfIncidents(identities[1])
        self._starter = Starter(outside.kube, outside.clock, identities[1], outside.deliver, shared.queue.add)
        store = RunStore(outside.kube, outside.cache, self._wake)
        store.on_echo = shared.queue.take_back
        self._keeper = RunKeeper(parts, store)

    async def reconcile(self, key: ObjectKey) -> timedelta | None:
        """How soon to look at a run again; None where only an event can change anything."""
        try:
            return await self._keeper.reconcile(key)
        finally:
            self._cache.release(*key)

    def around(self, incident: Incident) -> Mitigation:
        """The runbooks and the runs that a decision on an incident may know."""
        found = around(incident, self._of_incidents, self._books, self._is_complete())
        problems = self._starter.problems(incident.metadata.namespace or "", incident.metadata.name)
        return replace(found, problems=problems) if problems else found

    def start(self, wanted: tuple[StartRun, ...]) -> None:
        """Create the runs that start by themselves and are not being created."""
        for each in wanted:
            self._starter.start(each)

    def changed(self, key: ObjectKey, raw: Raw) -> None:
        """Have looked at the runs that may go on since an object has changed."""
        match key.kind:
            case "RunbookRun":
                self._wake(key, raw)
            case "Runbook":
                if self._books.told(key, raw):
                    self._look_at_incidents(key.namespace)
                self._add(key.namespace, self._observer.others.going_on(key.namespace, key.name))
            case "Incident":
                self._add(key.namespace, self._observer.others.waiting_for(key.namespace, key.name))

    def deleted(self, key: ObjectKey, last: Raw) -> None:
        """Forget a run that is gone, and have looked at those that waited for it."""
        if key.kind == "Incident":
            self._starter.forget(key.namespace, key.name)
        if key.kind == "Runbook" and self._books.deleted(key):
            self._look_at_incidents(key.namespace)
        if key.kind != RUN:
            return
        self._of_incidents.gone(key.namespace, key.name)
        self._meter.gone(key)
        self._keeper.deleted(key, last["metadata"].get("uid", ""))
        self._observer.others.gone(key.namespace, key.name)
        self._add(key.namespace, self._observer.others.going_on(key.namespace))

    async def drain(self, grace: float) -> None:
        """Wait for what is under way, at most this many seconds."""
        await asyncio.gather(self._performer.drain(grace), self._starter.drain(grace))

    async def record_rest(self) -> None:
        """Write what came of it and has not been written; for when nothing is reconciled any more."""
        await self._keeper.record_rest()

    async def close(self) -> None:
        """End all connections."""
        await self._client.close()

    def _may_act(self) -> bool:
        return self._is_leader() and self._kube.unreachable_since is None

    def _came(self, key: ObjectKey, outcome: RunOutcome) -> None:
        self._in_hand.add(key, outcome)
        self._queue.add(key)

    def _wake(self, key: ObjectKey, raw: Raw) -> None:
        """Take note of a run as it is; the others look where they may have waited for that."""
        if incident := self._of_incidents.told(raw):
            self._queue.add(incident)
        self._meter.told(key, raw)
        if self._observer.others.told(raw):
            others = self._observer.others.going_on(key.namespace)
            self._add(key.namespace, [name for name in others if name != key.name])

    def _look_at_incidents(self, namespace: str) -> None:
        """Have looked at the incidents that nobody has taken; the others see it at their next change."""
        for key, _ in self._cache.awake("Incident"):
            if key.namespace == namespace:
                self._queue.add(key)

    def _add(self, namespace: str, names: list[str]) -> None:
        for name in names:
            self._queue.add(ObjectKey(RUN, namespace, name))
