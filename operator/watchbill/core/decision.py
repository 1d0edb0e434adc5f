"""What a decision consists of."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from watchbill.api.incident_status import IncidentStatus
from watchbill.api.reasons import EventReason
from watchbill.core.effects import ChannelEffect, Effect, PageEffect
from watchbill.core.mitigation import StartRun

EventType = Literal["Normal", "Warning"]


@dataclass(frozen=True, slots=True)
class Event:
    """One Kubernetes Event to tell people of a transition."""

    reason: EventReason
    message: str
    type: EventType = "Normal"


@dataclass(frozen=True, slots=True)
class Decision:
    """The status as it should be, what to do about it, and when to look again."""

    status: IncidentStatus
    pages: tuple[PageEffect, ...] = ()
    channel: tuple[ChannelEffect, ...] = ()
    runs: tuple[StartRun, ...] = ()
    """The runs that start by themselves, once this is written; each is asked for until it has been seen."""
    requeue_after: timedelta | None = None
    """How long nothing will change by the passing of time alone; None means ever."""
    events: tuple[Event, ...] = ()

    @property
    def effects(self) -> tuple[Effect, ...]:
        """All that is to be done to the outside now, pages first."""
        return (*self.pages, *self.channel)
