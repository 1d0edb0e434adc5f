"""What a person does is done when a person says so."""

from datetime import UTC, datetime

from tests.core.steps.driving import step
from watchbill.core.steps.contract import StepResult, View, Waiting
from watchbill.core.steps.manual import ManualKind

T0 = datetime(2026, 3, 9, 3, 0, tzinfo=UTC)
STEP = step(manual={"text": "Look at the dashboard."})


def test_it_waits_for_a_person_and_names_them():
    assert ManualKind().judged(STEP, View(T0, T0)) == Waiting()
    done = ManualKind().judged(STEP, View(T0, T0, "cy"))
    assert isinstance(done, StepResult)
    assert done.output == "done by cy"


def test_the_plan_says_what_to_do():
    assert ManualKind().plan(STEP).summary == "a person: Look at the dashboard."
