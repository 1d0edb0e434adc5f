"""A wait is over when its time is."""

from datetime import UTC, datetime, timedelta

from tests.core.steps.driving import step
from watchbill.core.steps.contract import StepResult, View, Waiting
from watchbill.core.steps.wait import WaitKind

T0 = datetime(2026, 3, 9, 3, 0, tzinfo=UTC)
STEP = step(wait={"duration": "30s"})


def test_it_waits_and_is_done():
    end = T0 + timedelta(seconds=30)
    assert WaitKind().judged(STEP, View(T0, end - timedelta(milliseconds=1))) == Waiting(end)
    assert isinstance(WaitKind().judged(STEP, View(T0, end)), StepResult)
