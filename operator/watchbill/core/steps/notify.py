"""Tells people something. Whatever becomes of it, the run goes on."""

from watchbill.api.runbook import Risk, Step
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import Message, Planned, Planning, RunFacts, StepResult, Talk


class NotifyKind:
    """One message."""

    name = "notify"
    risk: Risk = "Low"
    acts = True
    unknown_stops = False

    def plan(self, step: Step, run: RunFacts) -> Planning:
        """The message, and where it goes."""
        yield from ()
        notify = step.notify
        assert notify is not None
        connection = notify.connection_ref.name if notify.connection_ref else ""
        where = f"through connection {connection}" if connection else "in the incident's channel"
        denied = "" if connection or run.incident else "there is no incident, so name a connection"
        return Planned(f"say {where}", (Message(connection, notify.text),), (notify.text,), denied=denied)

    def act(self, step: Step, run: RunFacts, planned: Planned) -> Talk:
        """The message; one that may have been heard is not repeated."""
        answer = yield planned.requests[0]
        if answer.is_ok:
            return StepResult(Result.OK)
        if answer.result == Result.UNKNOWN:
            return StepResult(Result.OK, output="it may not have arrived")
        return StepResult(answer.result, reason="NotSaid", message=answer.message)

    def follow(self, step: Step, run: RunFacts, handle: str) -> Talk:
        """Nothing is under way once it is said."""
        yield from ()
        return StepResult(Result.OK)

    def patience(self, step: Step) -> None:
        """The step's own timeout."""
