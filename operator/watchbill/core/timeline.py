"""The bounded, ordered record of what happened."""

from datetime import datetime
from itertools import takewhile
from typing import Literal

from watchbill.api.incident_status import MAX_TIMELINE, IncidentStatus, TimelineEntry
from watchbill.core.texts import cut, neutral

Source = Literal["kubectl", "timer", "page", "update", "channel", "runbook"]

FAILURES = frozenset({"FellOver", "OperatorLastResort"})
"""The kinds of entries that repeat for as long as nothing gets through."""

MAX_TEXT = 256
"""The longest text of an entry, in characters."""


def appended(
    status: IncidentStatus, kind: str, text: str, now: datetime, actor: str, source: Source
) -> IncidentStatus:
    """The status with one more entry, not earlier than the one before it; the oldest may be dropped."""
    last = status.timeline[-1].time if status.timeline else now
    entry = TimelineEntry(
        time=max(last, now),
        kind=kind,
        actor=actor or "unknown",
        source=source,
        text=cut(neutral(text), MAX_TEXT),
    )
    entries = (*status.timeline, entry)
    dropped = max(0, len(entries) - MAX_TIMELINE)
    return status.model_copy(
        update={"timeline": entries[dropped:], "timeline_dropped": status.timeline_dropped + dropped}
    )


def was_just_said(status: IncidentStatus, text: str) -> bool:
    """Whether the timeline ends with this failure, perhaps among others: nothing else has happened since."""
    latest = takewhile(lambda entry: entry.kind in FAILURES, reversed(status.timeline))
    return any(entry.text == text for entry in latest)
