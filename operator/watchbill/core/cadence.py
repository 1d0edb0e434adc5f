"""What is expected of people by when: acknowledgement, updates, and when a resolved incident closes."""

from collections.abc import Iterator
from datetime import datetime

from watchbill.api.durations import parse_duration
from watchbill.api.incident_status import Deadlines
from watchbill.api.reasons import EventReason, Reason
from watchbill.core import acknowledgement, debt, severity
from watchbill.core.draft import Draft
from watchbill.core.lifecycle import OPEN, Trigger
from watchbill.core.transition import moved


def updates_seen(draft: Draft) -> Draft:
    """The draft with updates that were posted since taken into account: each resets the clocks."""
    seen = draft.status.updates
    last = (seen.last_time, seen.last_name)
    for update in draft.observation.updates:
        if last[0] is not None and (update.time, update.name) <= (last[0], last[1]):
            continue
        last = (update.time, update.name)
        draft = draft.noted("Updated", f"{update.by} posted {update.name}", update.by, "update")
        changes = {
            "count": draft.status.updates.count + 1,
            "last_time": update.time,
            "last_name": update.name,
        }
        draft = draft.having(updates=draft.status.updates.model_copy(update=changes))
        if update.public_phase is not None:
            draft = draft.having(public_phase=update.public_phase)
    return draft


def with_deadlines(draft: Draft) -> Draft:
    """The draft with the deadlines that follow from its times and its row of the matrix."""
    row, times = severity.row(draft.status.frozen_class, draft.spec.severity), draft.status.times
    started = times.reopened_time or times.triggered_time
    if row is None or started is None:
        return draft
    deadlines = Deadlines()
    if draft.phase in OPEN:
        posted = max(t for t in (started, draft.status.updates.last_time) if t is not None)
        deadlines = Deadlines(
            acknowledge_time=_after(started, row.acknowledge_within),
            update_time=_after(posted, row.update_every),
            acknowledgement_expiry_time=_expiry(draft, row.acknowledgement_timeout),
        )
    elif draft.phase == "Resolved" and row.postmortem.policy != "Required":
        deadlines = Deadlines(close_time=_after(times.resolved_time or started, row.reopen_window))
    return draft.having(deadlines=deadlines)


def closed(draft: Draft) -> Draft:
    """The draft closed once nobody can reopen it any more; a required postmortem holds it, and debt does."""
    due = draft.status.deadlines.close_time
    if draft.phase != "Resolved" or due is None or draft.now < due or not debt.may_close(draft):
        return draft
    text = "the reopen window is over"
    draft = moved(draft, Trigger.WINDOW_OVER, Reason.REOPEN_WINDOW_OVER, text)
    return draft.timed(closed_time=draft.now).noted("Closed", text).told(EventReason.CLOSED, text)


def wakeups(draft: Draft) -> Iterator[datetime]:
    """The moments at which a deadline passes."""
    deadlines = draft.status.deadlines
    for moment in (
        deadlines.acknowledge_time if draft.phase in ("Pending", "Triggered") else None,
        deadlines.update_time,
        deadlines.acknowledgement_expiry_time,
        deadlines.close_time,
        draft.escalation.snoozed_until_time if draft.escalation.state == "Snoozed" else None,
    ):
        if moment is not None:
            yield moment


def _after(moment: datetime, length: str | None) -> datetime | None:
    return moment + parse_duration(length) if length else None


def _expiry(draft: Draft, timeout: str | None) -> datetime | None:
    taken = acknowledgement.last_time(draft)
    if draft.phase != "Acknowledged" or taken is None:
        return None
    others = (draft.status.updates.last_time, draft.status.times.reopened_time)
    return _after(max((taken, *(moment for moment in others if moment is not None))), timeout)
