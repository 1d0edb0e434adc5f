"""Walks an escalation with nobody answering: the operator's own core on a virtual clock.

Nothing of the escalation is known here. The core decides, every connection answers at once, and the clock
goes to where the core asked to be woken.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watchbill.api.incident_status import IncidentStatus, Page
from watchbill.core.decide import decide
from watchbill.core.effects import ConnectionKey, Effect, SendPage, connection_of
from watchbill.core.observation import Observation
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.record import record

MOST_STEPS = 20_000
"""More than any policy needs: 100 targets, their fallbacks and their attempts."""

LAST_PAGES = timedelta(minutes=1)
"""How long the last resort's own fallbacks are followed; beyond it the same is tried again and again."""

DOWN = "Unreachable"


@dataclass(frozen=True, slots=True)
class Sending:
    """One attempt to page somebody, and the page as it was then."""

    time: datetime
    page: Page
    connection: ConnectionKey
    accepted: bool


def walked(
    observation: Observation, at: datetime, down: frozenset[ConnectionKey] = frozenset()
) -> tuple[Sending, ...]:
    """Every attempt until the policy is exhausted and its last resort was paged once.

    The incident is declared at this moment; connections that are down refuse for now.
    """
    now, status = at, IncidentStatus()
    sendings: list[Sending] = []
    for _ in range(MOST_STEPS):
        incident = observation.incident.model_copy(update={"status": status})
        decision = decide(replace(observation, incident=incident), now)
        outcomes = [_answered(effect, now, down) for effect in decision.effects]
        sendings += _sendings(outcomes)
        status = record(decision.status, outcomes, now)
        if outcomes:
            continue
        exhausted = status.escalation.exhausted_time
        wake = None if decision.requeue_after is None else now + decision.requeue_after
        if wake is None or (exhausted is not None and (_is_over(status) or wake > exhausted + LAST_PAGES)):
            return tuple(sendings)
        now = wake
    raise RuntimeError(f"the escalation has not come to its end after {MOST_STEPS} steps")


def _answered(effect: Effect, now: datetime, down: frozenset[ConnectionKey]) -> Outcome:
    if connection_of(effect) in down:
        return Outcome(effect, Result.RETRY, now, reason=DOWN)
    return Outcome(effect, Result.OK, now)


def _sendings(outcomes: list[Outcome]) -> Iterator[Sending]:
    for outcome in outcomes:
        effect = outcome.effect
        if isinstance(effect, SendPage):
            yield Sending(outcome.time, effect.page, connection_of(effect), outcome.result is Result.OK)


def _is_over(status: IncidentStatus) -> bool:
    """Whether the last resort was paged, or cannot be."""
    at = status.escalation
    pages = [page for page in status.pages if (page.level, page.round) == (at.level, at.round)]
    return at.state == "Exhausted" and all(page.state != "Pending" for page in pages)
