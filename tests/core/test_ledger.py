"""What may be open outside, and what the ledger drops."""

import pytest

from tests.support.builders import T0
from watchbill.api.incident_status import MAX_PAGES as HARD_LIMIT
from watchbill.api.incident_status import Closing, Hop, IncidentStatus, Page
from watchbill.core.ledger import MAX_PAGES, is_settled, mapped, may_be_open, trimmed, with_hop, with_page

RESOLVED = Closing(action="Resolve", state="Done")
ACKNOWLEDGED = Closing(action="Acknowledge", state="Done")


def hop(state="Accepted", **facts):
    return Hop(connection="pagerduty", namespace="shop", key="uid/1", state=state, **facts)


def page(number=0, state="Accepted", *hops):
    found = hops or (hop(closing=RESOLVED),)
    return Page(id=f"p-{number}", epoch=1, round=1, level="a", due_time=T0, state=state, hops=found)


@pytest.mark.parametrize(
    ("found", "state", "expected"),
    [
        pytest.param(hop("Accepted"), "Accepted", True, id="what was accepted is open"),
        pytest.param(hop("Sending"), "Pending", True, id="what is on its way may arrive"),
        pytest.param(hop("Claimed", unkeyed=True), "Pending", True, id="what was claimed may have been sent"),
        pytest.param(hop("Unknown"), "Pending", True, id="what is unknown may have arrived"),
        pytest.param(hop("Failed"), "Failed", False, id="what was refused is not open"),
        pytest.param(
            hop("Failed", next_attempt_time=T0),
            "Failed",
            True,
            id="what was given up with another try due may have been taken from a process that died",
        ),
        pytest.param(
            hop("Failed", next_attempt_time=T0, unkeyed=True),
            "Failed",
            False,
            id="what was refused and has no key was surely not sent before: it would be claimed",
        ),
        pytest.param(
            hop("Failed", uncertain=True), "Failed", True, id="what was refused later may have arrived before"
        ),
        pytest.param(
            hop("Pending"), "Pending", True, id="what was due may have been sent by a process that died"
        ),
        pytest.param(hop("Pending"), "Superseded", True, id="what is presumed may have been sent"),
        pytest.param(
            hop("Pending"), "Accepted", False, id="a fallback is not open where the first one accepted"
        ),
        pytest.param(
            hop("Pending", unkeyed=True), "Pending", False, id="what needs a claim is not sent without one"
        ),
        pytest.param(hop("Accepted", reason="Drill"), "Accepted", False, id="a drill opens nothing"),
    ],
)
def test_what_may_be_open(found, state, expected):
    assert may_be_open(page(0, state, found), found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(page(), True, id="resolved outside"),
        pytest.param(page(0, "Accepted", hop(closing=ACKNOWLEDGED)), False, id="only acknowledged outside"),
        pytest.param(page(0, "Accepted", hop()), False, id="open outside"),
        pytest.param(page(0, "Failed", hop("Failed")), True, id="never delivered"),
        pytest.param(page(0, "Pending", hop("Failed")), False, id="still on its way"),
    ],
)
def test_a_page_may_be_dropped_when_it_is(found, expected):
    assert is_settled(found) == expected


def filled(count, make=page):
    return IncidentStatus(pages=tuple(make(number) for number in range(count)))


def test_the_oldest_settled_pages_are_dropped_where_there_are_too_many():
    assert [found.id for found in trimmed(filled(MAX_PAGES + 3)).pages[:1]] == ["p-3"]
    assert trimmed(filled(MAX_PAGES)) == filled(MAX_PAGES)


def test_a_page_that_is_open_outside_is_kept_beyond_that():
    status = filled(MAX_PAGES + 3, lambda number: page(number, "Accepted", hop()))
    assert trimmed(status) == status


def test_what_the_schema_cannot_hold_is_dropped_what_was_never_tried_first_and_what_is_on_its_way_last():
    tried = {"first_attempt_time": T0}
    kinds = (
        [page(number, "Pending", hop("Pending")) for number in range(5)]
        + [page(number, "Accepted", hop(**tried)) for number in range(5, HARD_LIMIT)]
        + [page(number, "Superseded", hop("Pending")) for number in range(HARD_LIMIT, HARD_LIMIT + 3)]
    )
    kept = trimmed(IncidentStatus().model_copy(update={"pages": tuple(kinds)}))
    assert [found.id for found in kept.pages] == [f"p-{number}" for number in range(HARD_LIMIT)]
    more = with_page(
        with_page(kept, page(900, "Accepted", hop(**tried))), page(901, "Superseded", hop(**tried))
    )
    assert [found.id for found in trimmed(more).pages[:6]] == ["p-0", "p-1", "p-2", "p-3", "p-4", "p-7"]


def test_of_pages_that_were_never_tried_the_latest_are_dropped():
    presumed = tuple(page(number, "Superseded", hop("Pending")) for number in range(HARD_LIMIT + 3))
    kept = trimmed(IncidentStatus().model_copy(update={"pages": presumed}))
    assert [found.id for found in kept.pages] == [f"p-{number}" for number in range(HARD_LIMIT)]


def test_one_page_and_one_hop_are_replaced():
    status = filled(2)
    changed = with_page(status, page(1, "Failed"))
    assert [found.state for found in changed.pages] == ["Accepted", "Failed"]
    two = page(0, "Pending", hop("Pending"), hop("Pending"))
    assert [found.state for found in with_hop(two, 1, state="Failed").hops] == ["Pending", "Failed"]


def test_a_change_of_nothing_gives_the_very_same_status():
    status = filled(2)
    assert mapped(status, lambda found: found) is status
    assert mapped(status, lambda found: with_hop(found, 0, attempts=1)) is not status
