"""Folds outcomes into the status, so that what the outside answered is part of the next decision."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from watchbill.api.incident_status import Closing, ClosingAction, Hop, IncidentStatus, Page
from watchbill.core import ledger
from watchbill.core.backoff import CLOSING_ATTEMPTS, backoff
from watchbill.core.effects import SendPage
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.texts import cut
from watchbill.core.timeline import appended

REPEATS = (timedelta(seconds=60), timedelta(minutes=4))
"""The waits before a resolve is repeated, at 60 s and at 5 min, where the arrival of the page is uncertain:
a late trigger would open it again."""


def record(status: IncidentStatus, outcomes: Sequence[Outcome], now: datetime) -> IncidentStatus:
    """The status with these outcomes folded in; one whose page it does not know brings the page along."""
    for outcome in outcomes:
        page = next((p for p in status.pages if p.id == outcome.effect.page.id), outcome.effect.page)
        hop = page.hops[outcome.effect.hop]
        if isinstance(outcome.effect, SendPage):
            if hop.state == "Accepted":
                status = ledger.with_page(status, _again(page, outcome))
                continue
            page = _sent(page, hop, outcome)
            status = ledger.with_page(status, page)
            if outcome.result == Result.OK:
                status = _noted(status, page, hop, outcome, now)
        else:
            changed = _told(hop, outcome)
            status = ledger.with_page(status, ledger.with_hop(page, outcome.effect.hop, closing=changed))
    return status


def _again(page: Page, outcome: Outcome) -> Page:
    """The page after another attempt by somebody who did not know that it had been accepted."""
    hop = page.hops[outcome.effect.hop]
    uncertain = hop.uncertain or outcome.result == Result.UNKNOWN
    return ledger.with_hop(page, outcome.effect.hop, attempts=hop.attempts + 1, uncertain=uncertain)


def _sent(page: Page, hop: Hop, outcome: Outcome) -> Page:
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
                "uncertain": hop.uncertain or uncertain,
                "next_attempt_time": outcome.time + backoff(attempts, outcome.after),
            }
        case _:
            changes |= {"state": "Failed"}
    page = ledger.with_hop(page, outcome.effect.hop, **changes)
    accepted = outcome.result == Result.OK and page.state in ("Pending", "Failed")
    return page.model_copy(update={"state": "Accepted"}) if accepted else page


def _noted(status: IncidentStatus, page: Page, hop: Hop, outcome: Outcome, now: datetime) -> IncidentStatus:
    repeated = isinstance(outcome.effect, SendPage) and outcome.effect.repeated
    text = f"{page.level}: paged through {hop.connection}"
    text += f", late by {page.late}" if page.late else ""
    text += ", repeated" if repeated else ""
    text += "; nobody is woken by it" if hop.unreal else ""
    text += f"; {outcome.message}" if outcome.message else ""
    return appended(status, "Paged", text, now, "watchbill", "page")


def _told(hop: Hop, outcome: Outcome) -> Closing:
    action: ClosingAction = "Acknowledge" if outcome.effect.action == "acknowledge" else "Resolve"
    old = hop.closing or Closing(action=action, state="Pending")
    if old.action != action:
        return old
    attempts = old.attempts + 1
    if outcome.result in (Result.OK, Result.CONFLICT):
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
