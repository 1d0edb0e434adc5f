"""What a decision on a run consists of."""

from dataclasses import dataclass
from datetime import timedelta

from watchbill.api.run_reasons import RunEventReason
from watchbill.api.runbook_run_status import RunbookRunStatus
from watchbill.core.decision import EventType
from watchbill.core.runs.effects import RunEffect


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One Kubernetes Event to tell people of a transition."""

    reason: RunEventReason
    message: str
    type: EventType = "Normal"


@dataclass(frozen=True, slots=True)
class RunDecision:
    """The status as it should be, what to do once it is written, and when to look again."""

    status: RunbookRunStatus
    effects: tuple[RunEffect, ...] = ()
    requeue_after: timedelta | None = None
    """How long nothing will change by the passing of time alone; None means ever."""
    events: tuple[RunEvent, ...] = ()
    wants_others: bool = False
    """Whether the runs of the namespace must be asked for anew before this one can go on: it wants a lock."""
