"""Everything that an effect of a run can come back with, as data."""

from dataclasses import dataclass
from datetime import datetime

from watchbill.core.runs.effects import RunEffect
from watchbill.core.steps.contract import Planned, StepResult


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What became of one effect."""

    effect: RunEffect
    result: StepResult
    time: datetime
    plans: tuple[Planned, ...] = ()
    """What each step would do, in order, where that was asked for and told."""
    output_name: str = ""
    """The ConfigMap in which the whole output is kept; empty where that was not needed, or not allowed."""
