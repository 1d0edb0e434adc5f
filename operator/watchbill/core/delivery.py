"""How a page gets through: one hop after the other until one accepts, and what is to be sent now."""

from collections.abc import Iterator
from datetime import datetime

from watchbill.api.incident_status import Claim, Hop, Page
from watchbill.api.reasons import EventReason
from watchbill.core import ledger
from watchbill.core.backoff import HOP_PATIENCE, LAST_PATIENCE, QUICK_RETRY, SEND_DEADLINE
from watchbill.core.draft import Draft
from watchbill.core.effects import SendPage
from watchbill.core.facts import incident_facts
from watchbill.core.lifecycle import OPEN
from watchbill.core.plan import OPERATOR_LEVEL
from watchbill.core.timeline import was_just_said


def is_wanted(draft: Draft, page: Page) -> bool:
    """Whether the page, if it is not yet delivered, should still be."""
    running = draft.escalation.state in ("Waiting", "Exhausted") and draft.phase in OPEN
    return page.state == "Pending" and running and page.epoch == draft.escalation.epoch


def delivered(draft: Draft) -> Draft:
    """The draft with every waiting page a step further: superseded, on its next hop, accepted or failed."""
    for page in draft.status.pages:
        if page.state != "Pending":
            continue
        if is_wanted(draft, page):
            draft = _advanced(draft, page)
        else:
            dropped = page.model_copy(update={"state": "Superseded"})
            draft = draft.having(pages=ledger.with_page(draft.status, dropped).pages)
    return draft


def pages_to_send(draft: Draft) -> tuple[SendPage, ...]:
    """The pages to send now: on their way, wanted, and not being sent by this process already."""
    found = []
    for page in draft.status.pages:
        at = _active(page)
        if not is_wanted(draft, page) or at is None:
            continue
        hop = page.hops[at]
        mine = hop.state == "Sending" or (hop.state == "Claimed" and _is_mine(draft, hop))
        if mine and not _in_flight(draft, hop):
            found.append(_send(draft, page, at))
    return tuple(found)


def wakeups(draft: Draft) -> Iterator[datetime]:
    """The moments at which a waiting page moves on by the passing of time."""
    for page in draft.status.pages:
        if not is_wanted(draft, page):
            continue
        for hop in page.hops:
            if hop.next_attempt_time is not None and hop.state in ("Pending", "Unknown"):
                yield hop.next_attempt_time
            if hop.next_attempt_time is not None and hop.state in ("Sending", "Claimed"):
                yield hop.next_attempt_time + HOP_PATIENCE
            if hop.first_attempt_time is not None and hop.state not in ("Failed", "Accepted"):
                yield hop.first_attempt_time + HOP_PATIENCE
                yield hop.first_attempt_time + LAST_PATIENCE
            if hop.key in draft.observation.foreign_claims:
                yield draft.observation.foreign_claims[hop.key] + SEND_DEADLINE


def _advanced(draft: Draft, page: Page) -> Draft:
    """The draft with one waiting page a step further."""
    page = _given_up(draft, page)
    at = _active(page)
    if any(hop.state == "Accepted" for hop in page.hops):
        page = page.model_copy(update={"state": "Accepted"})
    elif at is None:
        page = page.model_copy(update={"state": "Failed"})
        draft = _fell(draft, page, page.hops[-1], "no connection is left") if page.hops else draft
    else:
        fresh = page.hops[at].first_attempt_time is None
        page = _started(draft, page, at)
        if at > 0 and fresh and page.hops[at].first_attempt_time is not None:
            draft = _fell(draft, page, page.hops[at - 1], f"trying {page.hops[at].connection}")
    return draft.having(pages=ledger.with_page(draft.status, page).pages)


def _fell(draft: Draft, page: Page, hop: Hop, following: str) -> Draft:
    text = f"{page.level}: {hop.connection} could not deliver ({hop.reason or 'NoAnswer'}); {following}"
    if was_just_said(draft.status, text):
        return draft
    return draft.noted("FellOver", text, source="page").told(EventReason.FELL_OVER, text, "Warning")


def _active(page: Page) -> int | None:
    """The hop whose turn it is, or None where all have been given up."""
    last = _last(page)
    for at, hop in enumerate(page.hops):
        if hop.state in ("Pending", "Sending", "Claimed") or (hop.state == "Unknown" and at == last):
            return at
    return None


def _last(page: Page) -> int:
    """The last hop that has not failed."""
    return max((at for at, hop in enumerate(page.hops) if hop.state != "Failed"), default=-1)


def _given_up(draft: Draft, page: Page) -> Page:
    """The page with the hops that have had their time marked."""
    for at, hop in enumerate(page.hops):
        if hop.state == "Failed" or (hop.state == "Unknown" and at < _last(page)):
            continue
        state = _verdict(draft, page, at)
        if state is None:
            break
        page = ledger.with_hop(page, at, state=state, uncertain=hop.uncertain or state == "Unknown")
    return page


def _verdict(draft: Draft, page: Page, at: int) -> str | None:
    """The state in which the hop is given up, or None while it is not."""
    hop = page.hops[at]
    started = hop.first_attempt_time
    if started is None or hop.state == "Accepted":
        return None
    is_last = at == _last(page)
    patience = LAST_PATIENCE if is_last else HOP_PATIENCE
    if hop.state in ("Sending", "Claimed"):
        return (
            "Unknown" if not is_last and _in_flight(draft, hop) and draft.now >= started + patience else None
        )
    if hop.state == "Unknown":
        return "Failed" if draft.now >= started + patience else None
    assert hop.state == "Pending"
    after = hop.next_attempt_time or started
    hopeless = not is_last and (hop.attempts > 1 or after > started + QUICK_RETRY)
    return "Failed" if hopeless or draft.now >= started + patience else None


def _started(draft: Draft, page: Page, at: int) -> Page:
    """The page with its active hop on the way, where it is due and nobody else is at it."""
    hop = page.hops[at]
    now = draft.now
    if hop.state == "Unknown" and hop.unkeyed and draft.observation.blind_since is not None:
        return page  # While no claim can be written, what the vendor cannot recognize goes out once.
    if hop.state in ("Pending", "Unknown"):
        due = hop.next_attempt_time is None or now >= hop.next_attempt_time
        return _on_the_way(draft, page, at, hop.first_attempt_time or now) if due else page
    if hop.state == "Claimed" and not _is_mine(draft, hop):
        seen = draft.observation.foreign_claims.get(hop.key, now)
        taken = now >= seen + SEND_DEADLINE
        return _on_the_way(draft, ledger.with_hop(page, at, uncertain=True), at, now) if taken else page
    # Sent by a process that is gone: the time that hop had is over, and this process begins anew.
    orphan = not _in_flight(draft, hop) and now >= (_attempt_time(hop) or now) + HOP_PATIENCE
    return ledger.with_hop(page, at, first_attempt_time=now, next_attempt_time=None) if orphan else page


def _attempt_time(hop: Hop) -> datetime | None:
    """When the attempt began that is on its way: the first one, or the one that was due last."""
    return hop.next_attempt_time or hop.first_attempt_time


def _on_the_way(draft: Draft, page: Page, at: int, started: datetime) -> Page:
    if not page.hops[at].unkeyed:
        return ledger.with_hop(page, at, state="Sending", first_attempt_time=started)
    claim = Claim(by=draft.observation.holder, time=draft.now)
    return ledger.with_hop(page, at, state="Claimed", first_attempt_time=started, claim=claim)


def _send(draft: Draft, page: Page, at: int) -> SendPage:
    others = (p for p in draft.status.pages if p.epoch == page.epoch)
    first = all((p.round, p.level) == (page.round, page.level) for p in others)
    blind, policy = draft.observation.blind_since, draft.status.policy
    return SendPage(
        incident=incident_facts(draft.observation.incident, draft.status),
        page=page,
        hop=at,
        repeated=page.hops[at].uncertain,
        first_of_epoch=first and at == 0 and page.hops[at].attempts == 0,
        unseen_since=blind.strftime("%H:%M") if blind else "",
        referrer=policy.namespace if policy and page.level != OPERATOR_LEVEL else "",
    )


def _is_mine(draft: Draft, hop: Hop) -> bool:
    return hop.claim is not None and hop.claim.by == draft.observation.holder


def _in_flight(draft: Draft, hop: Hop) -> bool:
    return (hop.key, "trigger") in draft.observation.in_flight
