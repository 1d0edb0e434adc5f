"""Folds outcomes into the status, so that what the outside answered is part of the next decision."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from watchbill.api.incident_status import Closing, ClosingAction, Hop, IncidentStatus, Page
from watchbill.core import channel_record, ledger
from watchbill.core.backoff import CLOSING_ATTEMPTS, backoff
from watchbill.core.effects import AcknowledgePage, ChannelEffect, PageEffect, ResolvePage, SendPage, hop_of
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.texts import cut
from watchbill.core.timeline import appended

REPEATS = (timedelta(seconds=60), timedelta(minutes=4))
"""The waits before a resolve is repeated, at 60 s and at 5 min, where the arrival of the page is uncertain:
a late trigger would open it again."""


def record(status: IncidentStatus, outcomes: Sequence[Outcome], now: datetime) -> IncidentStatus:
    """The status with these outcomes folded in; one whose page it does not know brings the page along."""
    for outcome in outcomes:
        if isinstance(outcome.effect, ChannelEffect):
            status = channel_record.folded(status, outcome.effect, outcome, now)
        else:
            status = _folded(status, outcome.effect, outcome, now)
    return status


def _folded(status: IncidentStatus, effect: PageEffect, outcome: Outcome, now: datetime) -> IncidentStatus:
    page = next((p for p in status.pages if p.id == effect.page.id), effect.page)
    hop = page.hops[effect.hop]
    if not isinstance(effect, SendPage):
        told = _told(hop, effect, outcome)
        return ledger.with_page(status, ledger.with_hop(page, effect.hop, closing=told))
    if outcome.result in (Result.OK, Result.UNKNOWN) and hop.closing is not None:
        page = ledger.with_hop(page, effect.hop, closing=_untold(hop.closing))
    if hop.state == "Accepted":
        return ledger.with_page(status, _again(page, effect.hop, outcome))
    page = _sent(page, effect.hop, outcome)
    status = ledger.with_page(status, page)
    return _noted(status, page, effect, outcome, now) if outcome.result == Result.OK else status


def _again(page: Page, at: int, outcome: Outcome) -> Page:
    """The page after another attempt by somebody who did not know that it had been accepted."""
    hop = page.hops[at]
    uncertain = hop.uncertain or outcome.result == Result.UNKNOWN
    return ledger.with_hop(page, at, attempts=hop.attempts + 1, uncertain=uncertain)


def _sent(page: Page, at: int, outcome: Outcome) -> Page:
    hop = page.hops[at]
    attempts = hop.attempts + 1
    changes: dict[str, Any] = {
        "attempts": attempts,
        "first_attempt_time": hop.first_attempt_time or outcome.time,
        "next_attempt_time": None,
        "reason": cut(outcome.reason, 32),
        "message": cut(outcome.message, 128),
        "claim": None,
    }
    match outcome.result:
        case Result.OK:
            changes |= {
                "state": "Accepted",
                "sent_time": outcome.time,
                "credential": outcome.credential,
                "external_id": cut(outcome.external_id, 160),
            }
        case Result.RETRY | Result.UNKNOWN:
            uncertain = outcome.result == Result.UNKNOWN
            changes |= {
                "state": "Unknown" if uncertain else "Pending",
                "credential": outcome.credential if uncertain else hop.credential,
                "uncertain": hop.uncertain or uncertain,
                "next_attempt_time": outcome.time + backoff(attempts, outcome.after),
            }
        case _:
            changes |= {"state": "Failed"}
    page = ledger.with_hop(page, at, **changes)
    accepted = outcome.result == Result.OK and page.state in ("Pending", "Failed")
    return page.model_copy(update={"state": "Accepted"}) if accepted else page


def _noted(
    status: IncidentStatus, page: Page, effect: SendPage, outcome: Outcome, now: datetime
) -> IncidentStatus:
    hop = hop_of(effect)
    text = f"{page.level}: paged through {hop.connection}"
    text += f", late by {page.late}" if page.late else ""
    text += ", repeated" if effect.repeated else ""
    text += "; nobody is woken by it" if hop.unreal else ""
    text += f"; {outcome.message}" if outcome.message else ""
    return appended(status, "Paged", text, now, "watchbill", "page")


def _untold(closing: Closing) -> Closing:
    """The closing to be told anew: the page may have arrived after the outside was told, and stands open."""
    # What was done without a try is what the vendor has no word for.
    if closing.state == "Pending" or (closing.state == "Done" and closing.attempts == 0):
        return closing
    changes = {"state": "Pending", "attempts": 0, "repeats": 0, "next_attempt_time": None}
    return closing.model_copy(update=changes)


def _is_crossed(hop: Hop, effect: AcknowledgePage | ResolvePage) -> bool:
    """Whether somebody else sent the page since this was decided on, and may have opened it after this."""
    return hop.attempts > hop_of(effect).attempts


def _told(hop: Hop, effect: AcknowledgePage | ResolvePage, outcome: Outcome) -> Closing:
    action: ClosingAction = "Acknowledge" if effect.action == "acknowledge" else "Resolve"
    old = hop.closing or Closing(action=action, state="Pending")
    if old.action != action:
        return old
    attempts = old.attempts + 1
    if outcome.result in (Result.OK, Result.CONFLICT):
        if _is_crossed(hop, effect):
            return old.model_copy(
                update={"attempts": attempts, "next_attempt_time": None, "state": "Pending"}
            )
        repeats = old.repeats + (1 if old.state == "Done" else 0)
        # What is still on its way was sent by a process that is gone: nobody knows what became of it.
        unsure = hop.uncertain or hop.state in ("Sending", "Claimed", "Unknown")
        again = action == "Resolve" and unsure and repeats < len(REPEATS)
        return old.model_copy(
            update={
                "state": "Done",
                "attempts": attempts,
                "repeats": repeats,
                "next_attempt_time": outcome.time + REPEATS[repeats] if again else None,
                "credential_changed": bool(hop.credential) and hop.credential != outcome.credential,
            }
        )
    if outcome.result in (Result.RETRY, Result.UNKNOWN) and attempts < CLOSING_ATTEMPTS:
        later = outcome.time + backoff(attempts, outcome.after)
        return old.model_copy(update={"attempts": attempts, "next_attempt_time": later})
    return old.model_copy(update={"state": "Failed", "attempts": attempts, "next_attempt_time": None})
