"""Waits until a person says that they have done something."""

from watchbill.api.runbook import Risk, Step
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import Planned, StepResult, View, Waiting


class ManualKind:
    """What a person does."""

    name = "manual"
    risk: Risk = "ReadOnly"

    def plan(self, step: Step) -> Planned:
        """What the person is asked to do."""
        assert step.manual is not None
        return Planned(f"a person: {step.manual.text}")

    def judged(self, step: Step, view: View) -> StepResult | Waiting:
        """Done once somebody says so."""
        return StepResult(Result.OK, output=f"done by {view.done_by}") if view.done_by else Waiting()
