"""What is true of incidents and not in etcd yet: outcomes on their way, and statuses that were refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.outcomes import Outcome
from watchbill.core.record import record
from watchbill.shell.cache import Cache, ObjectKey
from watchbill.shell.perform import OnOutcome


@dataclass(slots=True)
class Held:
    """A status that could not be written."""

    status: IncidentStatus
    resource_version: str
    """The version of the incident that it was decided on."""
    outcomes: int
    """How many outcomes it has folded in."""
    since: datetime


class Unwritten:
    """The one memory that a reconcile has besides etcd. Outcomes in hand are never dropped (rule 1)."""

    def __init__(self) -> None:
        self._outcomes: dict[ObjectKey, list[Outcome]] = {}
        self._held: dict[ObjectKey, Held] = {}
        self._awaited: set[ObjectKey] = set()

    @contextmanager
    def awaiting(self, key: ObjectKey) -> Iterator[None]:
        """Have it known that a reconcile waits for the incident's outcomes, and will see what comes."""
        self._awaited.add(key)
        try:
            yield
        finally:
            self._awaited.discard(key)

    def is_awaited(self, key: ObjectKey) -> bool:
        """Whether nobody needs to be woken for an outcome of this incident."""
        return key in self._awaited

    def add(self, key: ObjectKey, outcome: Outcome) -> None:
        """Keep an outcome until it is written."""
        self._outcomes.setdefault(key, []).append(outcome)

    def outcomes(self, key: ObjectKey) -> list[Outcome]:
        """The outcomes that are not in etcd, the oldest first."""
        return list(self._outcomes.get(key, ()))

    def in_hand(self) -> list[ObjectKey]:
        """The incidents of which outcomes are in hand."""
        return list(self._outcomes)

    def held(self, key: ObjectKey) -> Held | None:
        """The status that could not be written, if there is one."""
        return self._held.get(key)

    def start(self, key: ObjectKey, incident: Incident, now: datetime) -> IncidentStatus:
        """The status to decide on: what etcd has, or what it should have, with all outcomes in hand."""
        outcomes, held = self.outcomes(key), self._held.get(key)
        if held is not None and held.resource_version == incident.metadata.resource_version:
            return record(held.status, outcomes[held.outcomes :], now)
        return record(incident.status, outcomes, now)

    def hold(self, key: ObjectKey, held: Held) -> None:
        """Keep a status that could not be written; its time counts from the first that could not."""
        before = self._held.get(key)
        held.since = before.since if before else held.since
        self._held[key] = held

    def written(self, key: ObjectKey, outcomes: int) -> None:
        """Forget this many outcomes, the oldest: they are in etcd now."""
        self._held.pop(key, None)
        rest = self._outcomes.get(key, [])[outcomes:]
        if rest:
            self._outcomes[key] = rest
        else:
            self._outcomes.pop(key, None)

    def forget(self, key: ObjectKey) -> None:
        """Forget an incident that is gone."""
        self._held.pop(key, None)
        self._outcomes.pop(key, None)


def keeping(unwritten: Unwritten, cache: Cache, requeue: Callable[[ObjectKey], None]) -> OnOutcome:
    """What a performer calls when an effect has ended: the outcome is kept, and the incident looked at.

    Where a reconcile waits for it, that one looks. The outcome for an incident that is gone is nothing that
    another one of its name should know.
    """

    def on_outcome(key: ObjectKey, outcome: Outcome | None) -> None:
        version = cache.version(key)
        if outcome is not None and version is not None and version.uid == outcome.effect.incident.uid:
            unwritten.add(key, outcome)
        if not unwritten.is_awaited(key):
            requeue(key)

    return on_outcome
