"""What should have been done and has not: a watchdog that looks at the record, whoever failed to keep it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from watchbill.api.reasons import EventReason
from watchbill.core.lifecycle import OPEN
from watchbill.core.plan import OPERATOR_LEVEL
from watchbill.shell.cache import Cache, ObjectKey, Raw, Version
from watchbill.shell.clock import Clock
from watchbill.shell.events import EventType
from watchbill.shell.metrics import Metrics
from watchbill.shell.queue import Queue

Action = Literal["page", "acknowledge", "resolve", "reconcile"]
ACTIONS: tuple[Action, ...] = ("page", "acknowledge", "resolve", "reconcile")

OVERDUE = timedelta(seconds=60)
"""From how long after its time on something is overdue, unless the operator is told otherwise."""

PERIOD = 5.0
"""Seconds between two looks."""

NEVER = "9999-12-31T23:59:59Z"
"""When something is due that does not come."""

REACHED = ("Accepted", "Acknowledged")
"""The states of a page that somebody got."""

_AT_ONCE = datetime.min.replace(tzinfo=UTC)
"""What is read as a moment and is none has long been due."""

TEXTS: Mapping[Action, str] = {
    "page": "a page was due at {due:%H:%M:%S} UTC and no connection has accepted it: reach people by another "
    "way; Degraded says what fails",
    "acknowledge": "a vendor does not take that the incident is acknowledged: do it there by hand; the hops "
    "of status.pages say where",
    "resolve": "a vendor does not take that the incident is over: resolve it there by hand; the hops of "
    "status.pages say where",
    "reconcile": "it is due to be looked at, and no look comes to its end: the operator's log says why",
}
"""What an Event says of each action, and what to do."""

Mark = tuple[str, str, Action]
"""The UID of an object, what tells one from another there, and what is overdue."""

Tell = Callable[[str, Raw, str, str, EventType], None]
"""Posts an Event: kind, object, reason, message, type."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the watchdog keeps of an incident as it is known in one version."""

    version: Version
    epoch: str
    outstanding: tuple["Outstanding", ...]
    stranded: bool


class Outstanding(NamedTuple):
    """Something that is due, or will be, and is not done."""

    action: Action
    due: datetime | None
    """None where the record does not say: then it is due since it was first seen."""
    key: str = ""
    """What tells it from others of its kind in one incident."""


def outstanding(raw: Raw) -> Iterator[Outstanding]:
    """What of an incident is to be done, until it is done or given up; nothing of a drill."""
    if (raw.get("spec") or {}).get("mode", "Live") != "Live":
        return
    status = raw.get("status") or {}
    if _pages_somebody(status):
        yield Outstanding("page", _page_due(raw, status))
    for page in status.get("pages", ()):
        for hop in page.get("hops", ()):
            closing = hop.get("closing") or {}
            if closing.get("state") == "Pending":
                is_over = closing.get("action") == "Resolve"
                yield Outstanding("resolve" if is_over else "acknowledge", None, hop.get("key", ""))


def is_stranded(raw: Raw) -> bool:
    """Whether nobody but the operator's own last resort is left to be paged for an open incident."""
    status = raw.get("status") or {}
    if (raw.get("spec") or {}).get("mode", "Live") != "Live" or not _pages_somebody(status):
        return False
    epoch = (status.get("escalation") or {}).get("epoch", 0)
    if epoch and not status.get("policy"):
        return True
    pages = status.get("pages", ())
    return any(page.get("level") == OPERATOR_LEVEL and page.get("epoch") == epoch for page in pages)


def case_of(raw: Raw, version: Version) -> Case:
    """What the watchdog keeps of an incident."""
    epoch = str(((raw.get("status") or {}).get("escalation") or {}).get("epoch", 0))
    return Case(version, epoch, tuple(outstanding(raw)), is_stranded(raw))


def _pages_somebody(status: Raw) -> bool:
    state = (status.get("escalation") or {}).get("state")
    return status.get("phase", "Pending") in OPEN and state not in ("Stopped", "Snoozed")


def _page_due(raw: Raw, status: Raw) -> datetime:
    """When the next page is due, or since when one has been that nothing accepted.

    Once somebody was reached, what counts is what was due later than that page.
    """
    escalation = status.get("escalation") or {}
    pages = [page for page in status.get("pages", ()) if page.get("epoch") == escalation.get("epoch")]
    # Times that the operator writes sort as texts, and reading them is what takes time.
    reached = [page.get("dueTime", "") for page in pages if page.get("state") in REACHED]
    if not reached:
        dues = [page.get("dueTime", "") for page in pages]
        return _moment(min(dues, default=raw["metadata"]["creationTimestamp"]))
    last = max(reached)
    later = [due for page in pages if (due := page.get("dueTime", "")) > last]
    return _moment(min(later, default=escalation.get("nextTime") or NEVER))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _AT_ONCE


@dataclass(frozen=True, slots=True)
class Found:
    """What one look has found."""

    overdue: Mapping[str, int]
    """How many incidents, or keys of the queue, have something of this kind overdue."""
    stranded: int


class Watchdog:
    """Counts what is overdue, and has people told: once for each incident, epoch and action."""

    def __init__(
        self, cache: Cache, queue: Queue, clock: Clock, metrics: Metrics, after: timedelta = OVERDUE
    ) -> None:
        self._cache = cache
        self._queue = queue
        self._clock = clock
        self._metrics = metrics
        self._after = after
        self.tell: Tell = lambda kind, raw, reason, message, type_: None
        self.leads: Callable[[], bool] = lambda: True
        """Whether it is for this process to tell."""
        self._first_seen: dict[Mark, datetime] = {}
        self._told: set[Mark] = set()
        self._cases: dict[ObjectKey, Case] = {}

    def look(self) -> Found:
        """What is overdue now, after it was told."""
        now, count, stranded = self._clock.now(), Counter[str](), 0
        seen: dict[Mark, datetime] = {}
        due: set[Mark] = set()
        self._cases = dict(self._known())
        for key, case in self._cases.items():
            late = self._late(case, now, seen)
            count.update(late.keys())
            stranded += case.stranded
            if late or self._told:
                due |= self._tell_of(key, case, late)
        for key in self._queue.overdue(self._after):
            count["reconcile"] += 1
            due |= self._tell_of_key(key)
        self._first_seen, self._told = seen, self._told & due
        for action in ACTIONS:
            self._metrics.overdue_actions.labels(action).set(count[action])
        self._metrics.last_resort_incidents.set(stranded)
        return Found(count, stranded)

    def _known(self) -> Iterator[tuple[ObjectKey, Case]]:
        """Each incident that does not rest; only those are read that have changed since the last look."""
        for key, version in self._cache.awake("Incident"):
            case = self._cases.get(key)
            if case is not None and case.version == version:
                yield key, case
            elif (raw := self._cache.get(*key)) is not None:
                yield key, case_of(raw, version)

    def _late(self, case: Case, now: datetime, seen: dict[Mark, datetime]) -> dict[Action, datetime]:
        """What of an incident is overdue, and since when it is due."""
        late: dict[Action, datetime] = {}
        for each in case.outstanding:
            due = each.due
            if due is None:
                mark = (case.version.uid, each.key, each.action)
                due = seen[mark] = self._first_seen.get(mark, now)
            if now - due > self._after:
                late[each.action] = min(due, late.get(each.action, due))
        return late

    def _tell_of(self, key: ObjectKey, case: Case, late: Mapping[Action, datetime]) -> set[Mark]:
        """Tell of what was not told yet; what is remembered as told of the incident."""
        uid, epoch = case.version.uid, case.epoch
        for action, due in late.items():
            self._tell(key, uid, (uid, epoch, action), TEXTS[action].format(due=due))
        return {(uid, epoch, action) for action in ACTIONS}

    def _tell_of_key(self, key: ObjectKey) -> set[Mark]:
        version = self._cache.version(key)
        if version is None:
            return set()
        mark: Mark = (version.uid, "", "reconcile")
        self._tell(key, version.uid, mark, TEXTS["reconcile"])
        return {mark}

    def _tell(self, key: ObjectKey, uid: str, mark: Mark, text: str) -> None:
        if self.leads() and mark not in self._told:
            self._told.add(mark)
            raw = {"metadata": {"uid": uid, "namespace": key.namespace, "name": key.name}}
            self.tell(key.kind, raw, EventReason.ACTION_OVERDUE.value, text, "Warning")
