"""An incident as a command reads it: plain data, for an older plugin acts on what a newer operator wrote."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from watchbill.cli.plugin.kubectl import Json


@dataclass(frozen=True)
class Seen:
    """The incident, who asks, and when."""

    content: Json
    me: str
    now: datetime

    @property
    def name(self) -> str:
        """The incident's name."""
        return str(self.content["metadata"]["name"])

    @property
    def version(self) -> str:
        """The version that was read; a change is made to no other."""
        return str(self.content["metadata"]["resourceVersion"])

    @property
    def spec(self) -> Json:
        """What people want."""
        return dict(self.content["spec"])

    @property
    def status(self) -> Json:
        """What is true, as last recorded."""
        return dict(self.content.get("status") or {})

    @property
    def escalation(self) -> Json:
        """Where the escalation stands."""
        return dict(self.status.get("escalation") or {})

    @property
    def is_observed(self) -> bool:
        """Whether the status already answers to the present spec."""
        return bool(self.status.get("observedGeneration", 0) >= self.content["metadata"].get("generation", 1))

    @property
    def phase(self) -> str:
        """The phase; where the operator has not looked yet, what a person last said it is to be."""
        said = self.spec.get("state")
        if said and not self.is_observed:
            return str(said)
        return str(self.status.get("phase") or "Pending")

    @property
    def acknowledged_since(self) -> datetime | None:
        """Since when somebody has it; None where nobody does."""
        for condition in self.status.get("conditions") or []:
            if condition["type"] == "Acknowledged" and condition["status"] == "True":
                return moment(condition["lastTransitionTime"])
        return None

    @property
    def clock(self) -> str:
        """The time of day, for a reason that nobody typed: a new act must say something new."""
        return f"{self.now:%H:%M:%SZ}"

    def last_entry(self, kind: str) -> Json | None:
        """The newest entry of the timeline of this kind."""
        entries: list[Any] = self.status.get("timeline") or []
        return next((dict(entry) for entry in reversed(entries) if entry.get("kind") == kind), None)


def moment(text: str | None) -> datetime | None:
    """The moment that a field of the API holds; None where it is absent."""
    return datetime.fromisoformat(text) if text else None
