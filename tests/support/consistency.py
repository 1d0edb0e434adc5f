"""What can never be true of a status: builders, laws and stories refuse such states and say why."""

import json
from collections.abc import Iterator, Sequence

from watchbill.api.condition import find, is_true
from watchbill.api.incident_status import MAX_ACKNOWLEDGEMENTS, MAX_TIMELINE, Hop, IncidentStatus
from watchbill.api.reasons import REASONS
from watchbill.api.reasons import IncidentCondition as Type
from watchbill.core.lifecycle import OPEN, TERMINAL, phase_of

MOST_PAGES = 100
MOST_BYTES = 512 * 1024


def faults(status: IncidentStatus, uid: str) -> list[str]:
    """Everything that is impossible in this status; empty where it can happen."""
    return [*_phase(status), *_escalation(status), *_pages(status, uid), *_lists(status), *_times(status)]


def step_faults(before: IncidentStatus, after: IncidentStatus) -> list[str]:
    """Everything that one decision may not do to a status."""
    return list(_step(before, after))


def assert_consistent(status: IncidentStatus, uid: str) -> None:
    """Fails with every reason why this status cannot happen."""
    found = faults(status, uid)
    assert found == [], "; ".join(found)


def _phase(status: IncidentStatus) -> Iterator[str]:
    if sorted(c.type for c in status.conditions) != sorted(Type):
        yield f"the conditions are {[c.type for c in status.conditions]}"
        return
    for condition in status.conditions:
        if condition.reason not in REASONS[condition.type]:
            yield f"{condition.type} is never {condition.reason}"
    if status.phase != phase_of(status.conditions):
        yield f"the phase is {status.phase}, and the conditions say {phase_of(status.conditions)}"
    order = [is_true(status.conditions, t) for t in (Type.ACKNOWLEDGED, Type.MITIGATED, Type.RESOLVED)]
    if order != sorted(order, reverse=True):
        yield "an incident is mitigated before it is acknowledged, or resolved before it is mitigated"
    if status.phase in ("Acknowledged", "Mitigated") and not status.acknowledgements:
        yield f"{status.phase} without anybody who acknowledged"
    exhausted = status.escalation.state == "Exhausted" and status.phase in OPEN
    if is_true(status.conditions, Type.ESCALATION_EXHAUSTED) != exhausted:
        yield f"EscalationExhausted does not follow escalation {status.escalation.state}"
    generations = {c.observed_generation for c in status.conditions} | {status.observed_generation}
    if len(generations) != 1:
        yield f"the conditions are about generations {sorted(generations)}"


def _escalation(status: IncidentStatus) -> Iterator[str]:
    at = status.escalation
    if at.state in ("Waiting", "Exhausted", "Snoozed") and at.next_time is None:
        yield f"escalation is {at.state} and nothing will end that"
    if at.state in ("Waiting", "Exhausted") and at.opened_time is None:
        yield f"escalation is {at.state} and no level is open"
    if at.state == "Snoozed" and at.snoozed_until_time is None:
        yield "escalation is snoozed for ever"
    if at.state == "Waiting" and status.policy is None:
        yield "escalation waits for a level without a policy"
    if at.state != "Idle" and at.epoch < 1 and at.state != "Stopped":
        yield "escalation runs in epoch 0"
    if status.phase not in OPEN and at.state not in ("Idle", "Stopped"):
        yield f"escalation is {at.state} in phase {status.phase}"
    if status.phase == "Triggered" and at.state in ("Waiting", "Exhausted") and _is_all_taken(status):
        yield "the outside was told that somebody has all that is paged, and nobody has"


def _is_all_taken(status: IncidentStatus) -> bool:
    """Whether every page of the open level arrived, and the outside was told that somebody has it."""
    at = status.escalation
    current = [p for p in status.pages if (p.epoch, p.round, p.level) == (at.epoch, at.round, at.level)]
    arrived = [hop for page in current for hop in page.hops if hop.state == "Accepted"]
    settled = all(page.state not in ("Pending", "Failed") for page in current)
    return bool(current) and settled and all(hop.closing is not None for hop in arrived)


def _pages(status: IncidentStatus, uid: str) -> Iterator[str]:
    ids = [page.id for page in status.pages]
    if len(ids) != len(set(ids)):
        yield "two pages have one id"
    if len(ids) > MOST_PAGES:
        yield f"there are {len(ids)} pages"
    for page in status.pages:
        if page.epoch > status.escalation.epoch:
            yield f"page {page.id} is of epoch {page.epoch}, and the epoch is {status.escalation.epoch}"
        for hop in page.hops:
            if not hop.key.startswith(f"{uid}/{page.epoch}/"):
                yield f"key {hop.key} does not begin with the incident's UID and the epoch"
            yield from _hop(hop)
        if page.state == "Accepted" and all(hop.state != "Accepted" for hop in page.hops):
            yield f"page {page.id} was accepted by no connection"


def _hop(hop: Hop) -> Iterator[str]:
    if hop.state == "Claimed" and (hop.claim is None or not hop.unkeyed):
        yield f"{hop.key} is claimed by nobody, or needs no claim"
    if hop.state == "Sending" and hop.unkeyed:
        yield f"{hop.key} is sent without a claim"
    if hop.state == "Accepted" and hop.sent_time is None and hop.reason != "Drill":
        yield f"{hop.key} was accepted at no time"
    is_told = hop.closing is not None and hop.closing.state == "Pending"
    if is_told and hop.state == "Failed" and not (hop.uncertain or hop.next_attempt_time):
        yield f"{hop.key} surely never arrived, and the outside is told of its end"


def _lists(status: IncidentStatus) -> Iterator[str]:
    if len(status.timeline) > MAX_TIMELINE:
        yield f"the timeline has {len(status.timeline)} entries"
    if len(status.acknowledgements) > MAX_ACKNOWLEDGEMENTS:
        yield f"there are {len(status.acknowledgements)} acknowledgements"
    size = len(json.dumps(status.to_json()).encode())
    if size > MOST_BYTES:
        yield f"the status has {size} bytes"


def _times(status: IncidentStatus) -> Iterator[str]:
    if not _is_ordered([entry.time for entry in status.timeline]):
        yield "the timeline is not in order"
    times = status.times
    reached = [times.mitigated_time, times.resolved_time, times.closed_time]
    done = [time for time in reached[: 2 + (status.phase == "Closed")] if time is not None]
    if status.phase in ("Resolved", "Closed") and not _is_ordered(done):
        yield f"it was mitigated, resolved and closed at {done}"
    if status.phase in TERMINAL and times.closed_time is None:
        yield "the incident ended at no time"
    for page in status.pages:
        for hop in page.hops:
            begun, sent = hop.first_attempt_time, hop.sent_time
            if begun is not None and sent is not None and sent < begun:
                yield f"{hop.key} was accepted before it was first tried"


def _step(before: IncidentStatus, after: IncidentStatus) -> Iterator[str]:
    if after.escalation.epoch < before.escalation.epoch:
        yield "the epoch shrank"
    if before.phase in TERMINAL and after.phase != before.phase:
        yield f"{before.phase} became {after.phase}"
    if after.reopen_count < before.reopen_count or after.timeline_dropped < before.timeline_dropped:
        yield "a count shrank"
    if before.timeline and after.timeline and after.timeline[-1].time < before.timeline[-1].time:
        yield "time went backwards"
    for condition in before.conditions:
        new = find(after.conditions, condition.type)
        if new is None:
            yield f"condition {condition.type} is gone"
        elif new.last_transition_time < condition.last_transition_time:
            yield f"condition {condition.type} changed before it last changed"


def _is_ordered(values: Sequence[object]) -> bool:
    return list(values) == sorted(values)  # type: ignore[type-var]  # they are all moments
