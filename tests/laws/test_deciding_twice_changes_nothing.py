"""Law 1: a decision about its own result, at the same moment, is the same decision and tells nothing anew."""

from dataclasses import replace

from hypothesis import given

from tests.laws.strategies import Program, played, programs
from tests.support.simulate import Step
from watchbill.core.decide import decide


def check(program: Program) -> None:
    """Fails where a second decision differs from the first."""
    played(program, _decided_again)


def _decided_again(step: Step) -> None:
    incident = step.observation.incident.model_copy(update={"status": step.decision.status})
    again = decide(replace(step.observation, incident=incident), step.now)
    assert again.events == ()
    assert replace(again, events=step.decision.events) == step.decision


@given(programs(modes=("Live", "Live", "Live", "Drill", "Backfill")))
def test_deciding_twice_changes_nothing(program: Program):
    check(program)
