"""Who acknowledged, for which epoch it counts, and how it ends: by withdrawal or by silence."""

from collections.abc import Iterator
from datetime import datetime

from watchbill.api.condition import find
from watchbill.api.incident import Acknowledgement
from watchbill.api.incident_status import MAX_ACKNOWLEDGEMENTS, AcknowledgementRecord
from watchbill.api.reasons import EventReason, IncidentCondition, Reason
from watchbill.core import escalation, levels
from watchbill.core.digest import digest
from watchbill.core.draft import Draft
from watchbill.core.lifecycle import OPEN, TERMINAL, Trigger
from watchbill.core.transition import moved


def acknowledged(draft: Draft) -> Draft:
    """The draft with the first entry of `acknowledgedBy` that is new to it taken into account."""
    if draft.phase in TERMINAL:
        return draft
    for user, entry in sorted(draft.spec.acknowledged_by.items()):
        if not _is_seen(draft, user, entry):
            return _taken(draft, user, entry)
    return draft


def withdrawn(draft: Draft) -> Draft:
    """The draft with entries that are gone marked, and paging resumed where nobody else holds it."""
    gone = [r for r in _standing(draft) if r.via == "kubectl" and r.user not in draft.spec.acknowledged_by]
    if not gone or draft.phase in TERMINAL:
        return draft
    marked = tuple(
        record.model_copy(update={"withdrawn_time": draft.now}) if record in gone else record
        for record in draft.status.acknowledgements
    )
    draft = draft.having(acknowledgements=marked)
    for record in gone:
        text = f"{record.user} withdrew the acknowledgement"
        draft = draft.noted("AcknowledgementWithdrawn", text, record.user, "kubectl")
    if draft.phase != "Acknowledged":
        return draft
    if any(_holding(draft)):
        # Whoever gives back one page is a responder less, and the others of that level are asked again.
        asked = any(r.page and r.epoch == draft.escalation.epoch for r in gone)
        return escalation.resumed(draft) if asked and draft.escalation.state == "Stopped" else draft
    draft = draft.told(EventReason.ACKNOWLEDGEMENT_WITHDRAWN, text, "Warning")
    return _resumed(draft, Trigger.WITHDRAWN, Reason.WITHDRAWN, text, draft.now)


def expired(draft: Draft) -> Draft:
    """The draft with paging resumed where an acknowledgement was not followed by an update in time."""
    due = draft.status.deadlines.acknowledgement_expiry_time
    if draft.phase != "Acknowledged" or due is None or draft.now < due:
        return draft
    text = "the acknowledgement expired without an update; paging resumes"
    draft = draft.noted("AcknowledgementExpired", text)
    draft = draft.told(EventReason.ACKNOWLEDGEMENT_EXPIRED, text, "Warning")
    return _resumed(draft, Trigger.EXPIRED, Reason.EXPIRED, text, due)


def recorded_for(draft: Draft, user: str, via: str) -> Draft:
    """The draft with an acknowledgement by a person who did more than acknowledge."""
    held = any(r.user == user and r.epoch == draft.escalation.epoch for r in _standing(draft) if not r.page)
    return draft if held else _with_record(draft, user, Acknowledgement(), via)


def last_time(draft: Draft) -> datetime | None:
    """When one of those who hold the incident last acknowledged it."""
    return max((record.time for record in _holding(draft)), default=None)


def _holding(draft: Draft) -> Iterator[AcknowledgementRecord]:
    """The acknowledgements of the whole incident that stand since it was last without one."""
    held = find(draft.status.conditions, IncidentCondition.ACKNOWLEDGED)
    if held is not None and held.status == "True":
        yield from (r for r in _standing(draft) if not r.page and r.time >= held.last_transition_time)


def _taken(draft: Draft, user: str, entry: Acknowledgement) -> Draft:
    # Of an incident that nobody holds yet, one page is as good as all: whoever takes it takes the incident.
    is_own = bool(entry.page) and draft.phase in ("Acknowledged", "Mitigated")
    is_all = not is_own or any(record.user == user for record in _holding(draft))
    draft = _with_record(draft, user, entry, "kubectl", "" if is_all else entry.page or "")
    note = f": {entry.note}" if entry.note else ""
    if draft.phase not in OPEN:
        return draft
    if is_own and all(page.id != entry.page for page in draft.status.pages):
        text = f"{user} took page {entry.page}, and there is no such page; see status.pages"
        return draft.noted("NoChange", text, user, "kubectl")
    if is_own:
        draft = _page_taken(draft, entry.page or "")
        return draft.noted("PageAcknowledged", f"{user} took page {entry.page}{note}", user, "kubectl")
    text = f"{user} acknowledged{note}"
    draft = escalation.presumed(draft).escalating(state="Stopped", next_time=None, snoozed_until_time=None)
    draft = draft.timed(acknowledged_time=draft.status.times.acknowledged_time or draft.now)
    draft = draft.noted("Acknowledged", text, user, "kubectl")
    if draft.phase in ("Acknowledged", "Mitigated"):
        return draft
    return moved(draft, Trigger.ACKNOWLEDGED, Reason.BY_PERSON, text).told(EventReason.ACKNOWLEDGED, text)


def _page_taken(draft: Draft, page_id: str) -> Draft:
    pages = tuple(
        page.model_copy(update={"state": "Acknowledged"}) if page.id == page_id else page
        for page in draft.status.pages
    )
    draft = draft.having(pages=pages)
    current = levels.open_pages(draft)
    if current and all(page.state == "Acknowledged" for page in current):
        return draft.escalating(state="Stopped", next_time=None)
    return draft


def _resumed(draft: Draft, trigger: Trigger, reason: Reason, text: str, due: datetime) -> Draft:
    """The draft moved back to Triggered; escalation starts a new epoch at the level where it stood."""
    running = draft.escalation.state in ("Waiting", "Exhausted", "Snoozed")
    draft = moved(draft, trigger, reason, text)
    return draft if running else escalation.resumed(draft, due)


def _with_record(draft: Draft, user: str, entry: Acknowledgement, via: str, page: str = "") -> Draft:
    """The draft with a record of this entry; for one page alone where one is named."""
    record = AcknowledgementRecord(
        user=user,
        time=draft.now,
        via=via,
        epoch=draft.escalation.epoch,
        digest=_digest(entry),
        page=page,
        note=entry.note or "",
    )
    others = tuple(r for r in draft.status.acknowledgements if r.user != user or r.via != via)
    return draft.having(acknowledgements=_bounded((*others, record)))


def _bounded(records: tuple[AcknowledgementRecord, ...]) -> tuple[AcknowledgementRecord, ...]:
    """The records without the oldest that may go; one that stands for an entry stays, or it counts anew."""
    excess = len(records) - MAX_ACKNOWLEDGEMENTS
    loose = [r for r in records if r.withdrawn_time is not None or r.via != "kubectl"]
    dropped = loose[: max(0, excess)]
    return tuple(r for r in records if r not in dropped)


def _is_seen(draft: Draft, user: str, entry: Acknowledgement) -> bool:
    return any(r.user == user and r.digest == _digest(entry) for r in _standing(draft) if r.via == "kubectl")


def _standing(draft: Draft) -> Iterator[AcknowledgementRecord]:
    return (record for record in draft.status.acknowledgements if record.withdrawn_time is None)


def _digest(entry: Acknowledgement) -> str:
    return digest(entry.model_dump(mode="json", exclude_none=True))
