"""Counts objects by what their conditions say is wrong with them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from watchbill.api.reasons import READY, REASONS, IncidentCondition
from watchbill.core.milestones import UNKNOWN
from watchbill.shell.cache import Raw
from watchbill.shell.metrics import Metrics

WRONG: Mapping[str, str] = {READY: "False", IncidentCondition.DEGRADED: "True"}
"""The status with which a condition of a type says that something is wrong."""


class Fact(NamedTuple):
    """A condition, as far as it is counted."""

    type: str
    status: str
    reason: str


class Unwell:
    """Keeps the gauge of unhealthy objects, and nothing of an object with which nothing is wrong."""

    def __init__(self, metrics: Metrics) -> None:
        self._gauge = metrics.unhealthy_objects
        self._labels: dict[str, tuple[str, str, str]] = {}
        """By the UID of an object: its kind, the type of the condition, and its reason."""

    def note(self, kind: str, uid: str, facts: Iterable[Fact]) -> None:
        """Count an object by the first of these conditions that says that something is wrong, or no more."""
        self.gone(uid)
        for fact in facts:
            if WRONG.get(fact.type) == fact.status:
                reason = fact.reason if fact.reason in REASONS[fact.type] else UNKNOWN
                labels = self._labels[uid] = (kind, fact.type, reason)
                self._gauge.labels(*labels).inc()
                return

    def gone(self, uid: str) -> None:
        """Count an object no more."""
        labels = self._labels.pop(uid, None)
        if labels is not None:
            self._gauge.labels(*labels).dec()


def facts_in(raw: Raw) -> Iterable[Fact]:
    """The conditions of an object as the API server wrote it."""
    for each in (raw.get("status") or {}).get("conditions") or ():
        yield Fact(each.get("type", ""), each.get("status", ""), each.get("reason", ""))
