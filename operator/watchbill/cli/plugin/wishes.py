"""What each verb changes in an incident's spec, or why nothing is left to change. Pure functions.

A verb that is repeated is no second act. What counted once and counts no more, such as an acknowledgement
that has expired, is said anew.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from watchbill.cli.plugin.seen import Seen, moment

Change = dict[str, Any]
Wish = Callable[[Seen], Change | str]
"""The change of the spec, or one sentence on why there is none."""

SNOOZE_SLACK = timedelta(minutes=1)
"""Two snoozes whose ends are no further apart are one: a command that is typed twice."""

SETTLED = {
    "Mitigated": ("Mitigated", "Resolved", "Closed"),
    "Resolved": ("Resolved", "Closed"),
    "Open": ("Pending", "Triggered", "Acknowledged", "Open"),
    "Cancelled": ("Cancelled",),
}
"""The phases in which saying a state changes nothing."""


def acknowledged(note: str | None, page: str | None) -> Wish:
    """The wish to take the incident, or one page of it."""

    def wish(seen: Seen) -> Change | str:
        entry = dict(seen.spec.get("acknowledgedBy") or {}).get(seen.me)
        before = None if entry is None else str(entry.get("note", "")).partition(" (again, ")[0]
        same = entry is not None and note in (None, before) and page == entry.get("page")
        if same and (not seen.is_observed or _stands(seen, page)):
            return f"{seen.me} has acknowledged it"
        said = note
        if same:
            # It counted once, and the present value counts no more.
            said = f"{note} (again, {seen.clock})" if note else f"again, {seen.clock}"
        return {"acknowledgedBy": {seen.me: {"note": said, "page": page}}}

    return wish


def _stands(seen: Seen, page: str | None) -> bool:
    """Whether the person's acknowledgement counts: of the incident since somebody has it, or of this page."""
    since = seen.acknowledged_since
    for record in seen.status.get("acknowledgements") or []:
        if record["user"] != seen.me or record.get("withdrawnTime"):
            continue
        of_page = record.get("page") or None
        time = moment(record["time"])
        if of_page is None and since is not None and time is not None and time >= since:
            return True
        if of_page is not None and of_page == page and record["epoch"] == seen.escalation.get("epoch", 0):
            return True
    return False


def withdrawn() -> Wish:
    """The wish to give the incident back."""

    def wish(seen: Seen) -> Change | str:
        if seen.me not in (seen.spec.get("acknowledgedBy") or {}):
            return f"{seen.me} does not hold it"
        return {"acknowledgedBy": {seen.me: None}}

    return wish


def escalated(reason: str, level: str | None) -> Wish:
    """The wish that a level is paged now: the next one, where none is named."""

    def wish(seen: Seen) -> Change | str:
        request = dict((seen.spec.get("escalation") or {}).get("request") or {})
        # A request that was made anew by an earlier command carries its time in brackets.
        before = str(request.get("reason", "")).partition(" (again, ")[0]
        same = before == reason and request.get("toLevel") == level
        if same and not _moved_on(seen):
            return "this was asked for, and no other level has opened since"
        said = f"{reason} (again, {seen.clock})" if same else reason
        return {
            "escalation": {"request": {"reason": said, "toLevel": level}},
            "setBy": {"escalation": seen.me},
        }

    return wish


def _moved_on(seen: Seen) -> bool:
    """Whether the escalation went on after the last request, or somebody has ended what it began."""
    last, opened = seen.last_entry("Escalated"), moment(seen.escalation.get("openedTime"))
    asked = moment(last["time"]) if last else None
    if not seen.is_observed:
        return False
    is_stopped = seen.escalation.get("state") not in ("Waiting", "Exhausted", "Snoozed")
    return is_stopped or asked is None or (opened is not None and opened > asked)


def snoozed(until: datetime | None) -> Wish:
    """The wish that no level opens until this moment; None ends the silence."""

    def wish(seen: Seen) -> Change | str:
        held = moment((seen.spec.get("escalation") or {}).get("snoozeUntilTime"))
        if until is None and (held is None or held <= seen.now):
            return "it is not snoozed"
        silent = not seen.is_observed or seen.escalation.get("state") == "Snoozed"
        if until and held and silent and abs(until - held) <= SNOOZE_SLACK:
            return f"it is snoozed until {held:%Y-%m-%d %H:%M:%SZ}"
        text = until.isoformat(timespec="seconds").replace("+00:00", "Z") if until else None
        return {"escalation": {"snoozeUntilTime": text}, "setBy": {"escalation": seen.me}}

    return wish


def rated(severity: str) -> Wish:
    """The wish for another severity."""

    def wish(seen: Seen) -> Change | str:
        if seen.spec.get("severity") == severity:
            return f"it is {severity}"
        return {"severity": severity, "setBy": {"severity": seen.me}}

    return wish


def said(state: str, reason: str | None) -> Wish:
    """The wish that the incident be in a state, for a reason."""

    def wish(seen: Seen) -> Change | str:
        if seen.phase in SETTLED[state]:
            return f"it is {seen.phase}"
        why = reason or f"said at {seen.clock}"
        if seen.is_observed and (seen.spec.get("state"), seen.spec.get("stateReason")) == (state, why):
            why = f"{why} ({seen.clock})"
        return {"state": state, "stateReason": why, "setBy": {"state": seen.me}}

    return wish
