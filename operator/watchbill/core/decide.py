"""The one decision: what is true of an incident now, what to do about it, and when to look again."""

from collections.abc import Callable
from datetime import datetime

from watchbill.core import (
    acknowledgement,
    acts,
    cadence,
    channel,
    closing,
    conditions,
    debt,
    delivery,
    escalation,
    marks,
    rescue,
    suggestions,
)
from watchbill.core import roles as role_keeping
from watchbill.core.acceptance import accepted
from watchbill.core.decision import Decision
from watchbill.core.draft import Draft
from watchbill.core.observation import Observation
from watchbill.core.transition import with_all_conditions

MAX_PASSES = 200
"""More passes than any status needs; beyond it there is a programming error."""

STEPS: tuple[Callable[[Draft], Draft], ...] = (
    with_all_conditions,
    accepted,
    cadence.updates_seen,
    acts.severity_changed,
    acts.policy_adopted,
    acts.escalation_requested,
    acknowledgement.withdrawn,
    acknowledgement.acknowledged,
    acts.state_said,
    marks.mitigated,
    acts.snoozed,
    cadence.with_deadlines,
    acknowledgement.expired,
    debt.listed,
    debt.reminded,
    cadence.closed,
    suggestions.suggested,
    suggestions.started,
    escalation.escalated,
    rescue.rescued,
    delivery.delivered,
    closing.closing,
    closing.forgotten,
    role_keeping.filled,
    channel.kept,
    conditions.judged,
)
"""The steps of one pass, in order: people's acts come before the clock, and the outside comes last."""


def decide(observation: Observation, now: datetime) -> Decision:
    """The decision for what was observed, at a moment: deciding again at that moment changes nothing.

    `now` is aware and in whole milliseconds. The steps run to a fixed point.
    """
    draft = settled(Draft(observation, now, observation.incident.status))
    parts = (delivery, closing, cadence, debt, suggestions, escalation, channel)
    moments = (moment for part in parts for moment in part.wakeups(draft) if moment > now)
    first = min(moments, default=None)
    return Decision(
        status=draft.status,
        pages=(*delivery.pages_to_send(draft), *closing.closings_to_send(draft)),
        channel=channel.effects(draft),
        runs=suggestions.runs_to_start(draft),
        requeue_after=None if first is None else first - now,
        events=draft.events,
    )


def settled(draft: Draft) -> Draft:
    """The draft after as many passes as it takes until nothing changes."""
    for _ in range(MAX_PASSES):
        before = draft.status
        for step in STEPS:
            draft = step(draft)
        if draft.status is before or draft.status == before:
            return draft
    raise RuntimeError(f"no fixed point after {MAX_PASSES} passes")
