"""A decision in the making: the observation, the moment, and the status as far as it is decided."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from watchbill.api.incident import IncidentSpec
from watchbill.api.incident_status import EscalationStatus, IncidentStatus, Phase
from watchbill.api.reasons import EventReason
from watchbill.core.decision import Event, EventType
from watchbill.core.observation import Observation
from watchbill.core.texts import neutral
from watchbill.core.timeline import Source, appended

OPERATOR = "watchbill"
"""The actor of what the operator does by itself."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What has been decided so far; every step takes one and returns the next."""

    observation: Observation
    now: datetime
    status: IncidentStatus
    events: tuple[Event, ...] = ()

    @property
    def spec(self) -> IncidentSpec:
        """What people want."""
        return self.observation.incident.spec

    @property
    def escalation(self) -> EscalationStatus:
        """Where the escalation stands."""
        return self.status.escalation

    @property
    def phase(self) -> Phase:
        """The phase as decided so far."""
        return self.status.phase or "Pending"

    def having(self, **changes: Any) -> "Draft":
        """The draft with these fields of the status replaced."""
        return Draft(self.observation, self.now, self.status.model_copy(update=changes), self.events)

    def escalating(self, **changes: Any) -> "Draft":
        """The draft with these fields of the escalation replaced."""
        return self.having(escalation=self.escalation.model_copy(update=changes))

    def timed(self, **changes: Any) -> "Draft":
        """The draft with these times replaced."""
        return self.having(times=self.status.times.model_copy(update=changes))

    def seen(self, **changes: Any) -> "Draft":
        """The draft with these digests of people's acts replaced."""
        return self.having(acts=self.status.acts.model_copy(update=changes))

    def noted(self, kind: str, text: str, actor: str = OPERATOR, source: Source = "timer") -> "Draft":
        """The draft with one more entry in the timeline."""
        status = appended(self.status, kind, text, self.now, actor, source)
        return Draft(self.observation, self.now, status, self.events)

    def told(self, reason: EventReason, message: str, kind: EventType = "Normal") -> "Draft":
        """The draft with one more Event for people to read."""
        events = (*self.events, Event(reason, neutral(message), kind))
        return Draft(self.observation, self.now, self.status, events)
