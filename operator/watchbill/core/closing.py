"""How the outside is told that a page needs no more attention."""

from collections.abc import Iterator
from datetime import datetime

from watchbill.api.incident_status import Closing, ClosingAction, Hop, Page
from watchbill.core import ledger
from watchbill.core.draft import Draft
from watchbill.core.effects import AcknowledgePage, ConnectionKey, ResolvePage
from watchbill.core.facts import incident_facts
from watchbill.core.lifecycle import OPEN


def wished(draft: Draft, page: Page) -> ClosingAction | None:
    """What the outside should be told of a page, or None where it should stay open."""
    recent = draft.status.pages[-ledger.MAX_PAGES :]
    if draft.phase not in OPEN or all(page.id != other.id for other in recent):
        return "Resolve"
    taken = draft.phase in ("Acknowledged", "Mitigated")
    ended = draft.escalation.state == "Stopped" or page.epoch < draft.escalation.epoch
    return "Acknowledge" if page.state == "Acknowledged" or (taken and ended) else None


def closing(draft: Draft) -> Draft:
    """The draft with a closing begun for every page that may be open outside and should not be."""
    return draft.having(pages=ledger.mapped(draft.status, lambda page: _begun(draft, page)).pages)


def forgotten(draft: Draft) -> Draft:
    """The draft without its oldest settled pages, as far as there are too many."""
    return draft.having(pages=ledger.trimmed(draft.status).pages)


def closings_to_send(draft: Draft) -> tuple[AcknowledgePage | ResolvePage, ...]:
    """What the outside is to be told now."""
    found: list[AcknowledgePage | ResolvePage] = []
    for page in draft.status.pages:
        for at, hop in enumerate(page.hops):
            if hop.closing is not None and _is_due(draft, hop, hop.closing):
                kind = AcknowledgePage if hop.closing.action == "Acknowledge" else ResolvePage
                facts = incident_facts(draft.observation.incident, draft.status)
                found.append(kind(facts, page, at, by=_author(draft, page, hop.closing.action)))
    return tuple(found)


def wakeups(draft: Draft) -> Iterator[datetime]:
    """The moments at which the outside is told again."""
    for page in draft.status.pages:
        for hop in page.hops:
            if hop.closing is not None and hop.closing.next_attempt_time is not None:
                yield hop.closing.next_attempt_time


def _begun(draft: Draft, page: Page) -> Page:
    action = wished(draft, page)
    if action is None:
        return page
    for at, hop in enumerate(page.hops):
        done = hop.closing is not None and hop.closing.action in (action, "Resolve")
        if not done and ledger.may_be_open(page, hop):
            page = ledger.with_hop(page, at, closing=_first(draft, hop, action))
    return page


def _first(draft: Draft, hop: Hop, action: ClosingAction) -> Closing:
    facts = draft.observation.connections.get(ConnectionKey(hop.namespace, hop.connection))
    if facts is None:
        return Closing(action=action, state="Failed")
    able = facts.acknowledges if action == "Acknowledge" else facts.resolves
    return Closing(action=action, state="Pending" if able else "Done")


def _author(draft: Draft, page: Page, action: ClosingAction) -> str:
    """Who ended it, or took it: a page's own taker before the one who last took the incident."""
    if action == "Resolve":
        author = draft.spec.set_by.state if draft.spec.set_by and draft.phase not in OPEN else None
        return author or ""
    takers = [record for record in draft.status.acknowledgements if record.withdrawn_time is None]
    own = [record.user for record in takers if record.page == page.id]
    return next(reversed(own or [record.user for record in takers if not record.page]), "")


def _is_due(draft: Draft, hop: Hop, closing: Closing) -> bool:
    # What is to close a page that is on its way is decided on when that has landed: it could not overtake it.
    if any((hop.key, verb) in draft.observation.in_flight for verb in ("trigger", _VERB[closing.action])):
        return False
    if closing.next_attempt_time is not None:
        return draft.now >= closing.next_attempt_time
    return closing.state == "Pending"


_VERB = {"Acknowledge": "acknowledge", "Resolve": "resolve"}
