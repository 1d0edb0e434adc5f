"""Law 2: until the moment for which a decision asks, nothing changes and nothing new is due."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given

from tests.laws.strategies import Program, played, programs
from tests.support.simulate import Step
from watchbill.core.decide import decide
from watchbill.core.effects import PageEffect, hop_of

MOMENT = timedelta(milliseconds=1)
LONG = timedelta(days=3)
"""How far to look where nothing is said ever to happen again."""


def check(program: Program) -> None:
    """Fails where something happens before the requeue, whether its effects are under way by then or not."""
    played(program, _is_quiet)


def _is_quiet(step: Step) -> None:
    names = frozenset(_names(step.decision.pages))
    incident = step.observation.incident.model_copy(update={"status": step.decision.status})
    for flying in {step.observation.in_flight, step.observation.in_flight | names}:
        seen = replace(step.observation, incident=incident, in_flight=flying)
        for moment in _between(step.now, step.decision.requeue_after):
            later = decide(seen, moment)
            assert later.status == step.decision.status, f"the status changes at {moment}"
            assert set(_names(later.pages)) <= names, f"something new is due at {moment}"


def _between(now: datetime, length: timedelta | None) -> Iterator[datetime]:
    if length is None:
        yield from (now + MOMENT, now + LONG)
    elif length > MOMENT:
        middle = timedelta(milliseconds=length // MOMENT // 2)
        yield from {now + MOMENT: 1, now + middle: 1, now + length - MOMENT: 1} if middle else (now + MOMENT,)


def _names(effects: Iterable[PageEffect]) -> Iterator[tuple[str, str]]:
    return ((hop_of(effect).key, effect.action) for effect in effects)


@given(programs(modes=("Live", "Live", "Live", "Live", "Drill")))
def test_nothing_happens_before_the_requeue(program: Program):
    check(program)
