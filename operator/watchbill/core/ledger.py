"""The ledger of pages: what may be open outside, and how one entry is replaced."""

from collections.abc import Callable, Iterable
from typing import Any

from watchbill.api.incident_status import MAX_PAGES as HARD_LIMIT
from watchbill.api.incident_status import Hop, IncidentStatus, Page

MAX_PAGES = 44
"""How many pages are kept; older ones are closed outside, then dropped.

The schema holds 20 more: what one decision may add before that has happened.
"""


def with_page(status: IncidentStatus, page: Page) -> IncidentStatus:
    """The status with this page added, or put in place of the one with its id."""
    known = any(old.id == page.id for old in status.pages)
    pages = tuple(page if old.id == page.id else old for old in status.pages)
    return status.model_copy(update={"pages": pages if known else (*pages, page)})


def with_missing(status: IncidentStatus, pages: Iterable[Page]) -> IncidentStatus:
    """The status with those of these pages added that it does not know."""
    known = {page.id for page in status.pages}
    missing = tuple(page for page in pages if page.id not in known)
    return status.model_copy(update={"pages": (*status.pages, *missing)}) if missing else status


def with_hop(page: Page, index: int, **changes: Any) -> Page:
    """The page with these fields of one hop replaced."""
    hops = tuple(hop.model_copy(update=changes) if at == index else hop for at, hop in enumerate(page.hops))
    return page.model_copy(update={"hops": hops})


def mapped(status: IncidentStatus, change: Callable[[Page], Page]) -> IncidentStatus:
    """The status with every page changed; the very same status where none is."""
    pages = tuple(change(page) for page in status.pages)
    return status if pages == status.pages else status.model_copy(update={"pages": pages})


def may_be_open(page: Page, hop: Hop) -> bool:
    """Whether the outside may hold an open page under the hop's key.

    A page that was sent but not recorded counts: a keyed hop that was due may have been sent by a process
    that died, and telling a vendor to close what it never had does no harm.
    """
    if hop.reason == "Drill":
        return False
    if hop.state in ("Accepted", "Sending", "Claimed", "Unknown") or hop.uncertain:
        return True
    if hop.state == "Failed":
        # Given up while another try was due: what a process sent that died may have been taken, though all
        # that came after it was refused.
        return not hop.unkeyed and hop.next_attempt_time is not None
    return hop.state == "Pending" and not hop.unkeyed and page.state != "Accepted"


def is_settled(page: Page) -> bool:
    """Whether nothing outside waits for the page any more, so that it may be dropped.

    What is to be closed by hand waits for people, who know of it from the record alone.
    """
    if page.state == "Pending":
        return False
    return all(
        hop.closing is not None
        and hop.closing.action == "Resolve"
        and hop.closing.state != "Pending"
        and not hop.closing.credential_changed
        for hop in page.hops
        if may_be_open(page, hop)
    )


def trimmed(status: IncidentStatus) -> IncidentStatus:
    """The status without its oldest settled pages where there are too many; at most what the schema holds."""
    excess = len(status.pages) - MAX_PAGES
    if excess <= 0:
        return status
    old = {page.id for page in status.pages[:excess] if is_settled(page)}
    kept = [page for page in status.pages if page.id not in old]
    # More than the schema holds could not be written at all. The least loss are the latest of the pages that
    # were never tried: what a process did and could not record comes soon after what it did record.
    surplus = max(0, len(kept) - HARD_LIMIT)
    ranked = sorted(enumerate(kept), key=lambda item: _worth(item[1], item[0]))
    old |= {page.id for _, page in ranked[:surplus]}
    pages = tuple(page for page in status.pages if page.id not in old)
    return status if not old else status.model_copy(update={"pages": pages})


def _worth(page: Page, at: int) -> tuple[int, int]:
    if page.state == "Pending":
        return 2, at
    was_tried = page.state != "Superseded" or any(hop.first_attempt_time for hop in page.hops)
    return (1, at) if was_tried else (0, -at)
