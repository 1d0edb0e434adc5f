"""The pages of a level: who is paged there, as entries of the ledger."""

from datetime import datetime, timedelta

from watchbill.api.durations import format_duration
from watchbill.api.escalation_policy import ConnectionRef, Target
from watchbill.api.incident_status import FrozenPolicy, Page
from watchbill.core import ledger, plan
from watchbill.core.draft import Draft
from watchbill.core.targets import is_reachable, page_for

LATE = timedelta(seconds=5)
"""From how much on a level counts as late: it says so, and its time runs from when it really opened."""


def open_pages(draft: Draft) -> tuple[Page, ...]:
    """The pages of the level that is open now."""
    at = draft.escalation
    place = (at.epoch, at.round, at.level)
    return tuple(page for page in draft.status.pages if (page.epoch, page.round, page.level) == place)


def obstacle(draft: Draft, level: str) -> str:
    """Why a level cannot be paged at all: `connection shop/pager is not there`; empty where it can be."""
    policy: FrozenPolicy | None = draft.status.policy
    place = (draft.escalation.epoch, 1, level)
    targets = plan.targets_of(policy, level) if policy else ()
    pages = [page_for(draft, target, place, policy.namespace if policy else "") for target in targets]
    found = (hop.message for page in pages for hop in page.hops)
    return "" if any(is_reachable(page) for page in pages) else next(found, "")


def planned(draft: Draft, round_: int, level: str, due: datetime, state: str) -> Draft:
    """The draft with a page in the ledger for every target of a level that can be reached."""
    policy: FrozenPolicy | None = draft.status.policy
    place = (draft.escalation.epoch, round_, level)
    late = draft.now - due
    for target in plan.targets_of(policy, level) if policy else ():
        page = page_for(draft, target, place, policy.namespace if policy else "")
        known = any(old.id == page.id for old in draft.status.pages)
        if known or not is_reachable(page):
            continue
        changes = {"state": state, "due_time": due, "late": format_duration(late) if late >= LATE else ""}
        draft = draft.having(pages=ledger.with_page(draft.status, page.model_copy(update=changes)).pages)
    return draft


def operator_planned(draft: Draft, round_: int, state: str) -> Draft:
    """The draft with a page in the ledger for the operator's own connection, where it has one."""
    key, place = draft.observation.last_resort, (draft.escalation.epoch, round_, plan.OPERATOR_LEVEL)
    if key is None:
        return draft
    target = Target(connection_ref=ConnectionRef(name=key.name, namespace=key.namespace))
    page = page_for(draft, target, place, key.namespace).model_copy(update={"state": state})
    known = any(old.id == page.id for old in draft.status.pages)
    return draft if known else draft.having(pages=ledger.with_page(draft.status, page).pages)
