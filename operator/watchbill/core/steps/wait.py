"""Does nothing for a while."""

from watchbill.api.durations import parse_duration
from watchbill.api.runbook import Risk, Step
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import Planned, StepResult, View, Waiting


class WaitKind:
    """A pause of a given length."""

    name = "wait"
    risk: Risk = "ReadOnly"

    def plan(self, step: Step) -> Planned:
        """How long it waits."""
        assert step.wait is not None
        return Planned(f"wait {step.wait.duration}")

    def judged(self, step: Step, view: View) -> StepResult | Waiting:
        """Done once the time is over."""
        assert step.wait is not None
        end = view.started + parse_duration(step.wait.duration)
        return StepResult(Result.OK) if view.now >= end else Waiting(end)
