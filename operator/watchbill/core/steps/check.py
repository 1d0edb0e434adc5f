"""Demands that something is true, at once or within a while."""

from datetime import timedelta

from watchbill.api.durations import parse_duration
from watchbill.api.runbook import Risk, Step
from watchbill.core.cel import condition_problem
from watchbill.core.steps import targets
from watchbill.core.steps.contract import Planned, Planning, RunFacts, Talk
from watchbill.core.steps.probing import looked


class CheckKind:
    """A look that changes nothing."""

    name = "check"
    risk: Risk = "ReadOnly"
    acts = False
    unknown_stops = False

    def plan(self, step: Step, run: RunFacts) -> Planning:
        """What will be looked at; whether it is true now says nothing of then."""
        yield from ()
        check = step.check
        assert check is not None
        problem = condition_problem(check.condition) if check.condition else None
        denied = f"condition {problem}" if problem else ""
        if check.target_ref is not None:
            denied = denied or targets.out_of_scope(targets.place(check.target_ref, run), run)
        return Planned(f"check {check.condition or 'for an answer'}", denied=denied)

    def act(self, step: Step, run: RunFacts, planned: Planned) -> Talk:
        """The first look."""
        assert step.check is not None
        return (yield from looked(step.check, None, run))

    def follow(self, step: Step, run: RunFacts, handle: str) -> Talk:
        """One more look."""
        assert step.check is not None
        return (yield from looked(step.check, None, run))

    def patience(self, step: Step) -> timedelta:
        """How long it may take to become true; no time at all where nothing is said."""
        assert step.check is not None
        return parse_duration(step.check.within) if step.check.within else timedelta(0)
