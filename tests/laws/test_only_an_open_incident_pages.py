"""Law 3: nothing pages but a running escalation of an open, live incident that nobody holds in this epoch."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given

from tests.laws import strategies as laws
from tests.laws.strategies import Program, played, programs
from tests.support.simulate import Simulation, Step
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.effects import SendPage
from watchbill.core.lifecycle import OPEN

MODES = ("Live", "Live", "Drill", "Backfill")
LONG = timedelta(hours=3)

ENDS: dict[str, Callable[[Simulation], None]] = {
    "acknowledged": lambda world: laws.acknowledge(world, "dee"),
    "resolved": lambda world: world.change(state="Resolved", stateReason="it is over"),
    "cancelled": lambda world: world.change(state="Cancelled", stateReason="it was nothing"),
    "snoozed": lambda world: laws.wish(world, snoozeUntilTime=(world.now + 2 * LONG).isoformat()),
}
"""What a person does to make it quiet."""


def check(program: Program) -> None:
    """Fails where a page is sent that should not be, by what the status says."""
    world = played(program, _pages_rightly)
    if program.given.incident.spec.mode != "Live":
        assert [sent for sent in world.sent if sent.effect.action == "trigger"] == []


def check_silence(program: Program, end: Callable[[Simulation], None]) -> None:
    """Fails where a page is sent after a person made it quiet and the operator saw it."""
    world = played(program)
    if world.blind:
        world.see_again()
    if not world.alive or world.observation.incident.spec.escalation is not None:
        return
    end(world)
    before = len(world.sent)
    world.start()
    world.advance(LONG)
    late = [sent for sent in world.sent[before:] if sent.effect.action == "trigger"]
    assert late == [], f"{late[0].key} was paged afterwards"


def _pages_rightly(step: Step) -> None:
    status, spec = step.decision.status, step.observation.incident.spec
    for effect in step.decision.pages:
        if not isinstance(effect, SendPage):
            continue
        assert spec.mode == "Live"
        assert status.phase in OPEN
        assert status.escalation.state in ("Waiting", "Exhausted")
        assert effect.page.epoch == status.escalation.epoch
        assert effect.page.state == "Pending"
        assert not _is_held(status), "somebody acknowledged in this epoch"


def _is_held(status: IncidentStatus) -> bool:
    epoch = status.escalation.epoch
    return any(r.epoch == epoch and not r.page and not r.withdrawn_time for r in status.acknowledgements)


@given(programs(MODES))
def test_only_an_open_incident_pages(program: Program):
    check(program)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@given(program=programs(timeouts=laws.NO_TIMEOUT, most=6))
def test_it_is_quiet_once_it_is(end: Callable[[Simulation], None], program: Program):
    check_silence(program, end)
