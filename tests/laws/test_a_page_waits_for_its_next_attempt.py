"""Law 4: a page that was refused is not tried again before its time, nor before the vendor likes."""

from datetime import datetime, timedelta

from hypothesis import given

from tests.laws import strategies as laws
from tests.laws.strategies import Program, played, programs
from tests.support.simulate import Step
from watchbill.core.effects import SendPage
from watchbill.core.outcomes import Result

SHORTEST = timedelta(seconds=1)


def check(program: Program) -> None:
    """Fails where an attempt comes too early, by what was recorded or by what the vendor asked for."""
    world = played(program, _is_patient)
    refused: dict[tuple[str, str], datetime] = {}
    for sent in world.sent:
        if sent.effect.action != "trigger":
            continue
        hop = (sent.effect.page.id, sent.key)
        earliest = refused.get(hop, sent.time)
        assert sent.time >= earliest, f"{sent.key} was to wait until {earliest}"
        if sent.refused:
            refused[hop] = sent.time + max(SHORTEST, sent.after or SHORTEST)


def _is_patient(step: Step) -> None:
    known = {page.id: page for page in step.observation.incident.status.pages}
    for effect in step.decision.pages:
        if isinstance(effect, SendPage) and effect.page.id in known:
            wait = known[effect.page.id].hops[effect.hop].next_attempt_time
            assert wait is None or wait <= step.now, "it was sent before its time"


@given(programs(step=laws.steps_without_crashes, answers=laws.REFUSALS))
def test_a_page_waits_for_its_next_attempt(program: Program):
    check(program)


def test_every_way_to_refuse_makes_a_page_wait():
    assert {answer.result for answer in laws.REFUSALS} >= {Result.RETRY, Result.UNKNOWN}
