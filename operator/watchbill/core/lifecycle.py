"""The table of legal phase transitions. Phase is computed from conditions; triggers move conditions.

Everything that affects the phase stands in this file. The diagram in the documentation is generated from it.
The numbers are those of the project's transition table; those that need alerts, triage, merging or a
postmortem are absent and take their place here as rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from watchbill.api.condition import Condition, find, is_true
from watchbill.api.incident_status import Phase
from watchbill.api.reasons import IncidentCondition as Type
from watchbill.api.reasons import Reason


class Trigger(StrEnum):
    """What can move an incident from one phase to another."""

    PLANNED = "class and policy frozen"
    ACKNOWLEDGED = "acknowledged"
    EXPIRED = "acknowledgement expired"
    WITHDRAWN = "acknowledgement withdrawn"
    MITIGATED = "state: Mitigated"
    MARKED = "run that marks Mitigated"
    RESOLVED = "state: Resolved"
    REOPENED = "state: Open"
    WINDOW_OVER = "reopen window over"
    CANCELLED = "state: Cancelled"


@dataclass(frozen=True, slots=True)
class Transition:
    """One legal move."""

    number: str
    sources: tuple[Phase, ...]
    trigger: Trigger
    target: Phase


OPEN: tuple[Phase, ...] = ("Pending", "Triggered", "Acknowledged", "Mitigated")
"""The phases in which people are at work, or should be."""

TERMINAL: tuple[Phase, ...] = ("Closed", "Cancelled")
"""The phases that nothing leaves."""

TRANSITIONS: tuple[Transition, ...] = (
    Transition("T3", ("Pending",), Trigger.PLANNED, "Triggered"),
    Transition("T6", ("Pending", "Triggered"), Trigger.ACKNOWLEDGED, "Acknowledged"),
    Transition("T7", ("Acknowledged",), Trigger.EXPIRED, "Triggered"),
    Transition("T7", ("Acknowledged",), Trigger.WITHDRAWN, "Triggered"),
    Transition("T8", ("Pending", "Triggered", "Acknowledged"), Trigger.MITIGATED, "Mitigated"),
    Transition("T8", ("Pending", "Triggered", "Acknowledged"), Trigger.MARKED, "Mitigated"),
    Transition("T9", ("Mitigated",), Trigger.REOPENED, "Acknowledged"),
    Transition("T10", ("Mitigated",), Trigger.RESOLVED, "Resolved"),
    Transition("T11", ("Pending", "Triggered", "Acknowledged"), Trigger.RESOLVED, "Resolved"),
    Transition("T13", ("Resolved",), Trigger.REOPENED, "Triggered"),
    Transition("T14", ("Resolved",), Trigger.WINDOW_OVER, "Closed"),
    Transition("T15", OPEN, Trigger.CANCELLED, "Cancelled"),
)

FACTS: Mapping[Phase, Mapping[Type, bool]] = {
    "Triggered": {Type.ACKNOWLEDGED: False, Type.MITIGATED: False, Type.RESOLVED: False},
    "Acknowledged": {Type.ACKNOWLEDGED: True, Type.MITIGATED: False, Type.RESOLVED: False},
    "Mitigated": {Type.ACKNOWLEDGED: True, Type.MITIGATED: True, Type.RESOLVED: False},
    "Resolved": {Type.ACKNOWLEDGED: True, Type.MITIGATED: True, Type.RESOLVED: True},
    "Closed": {Type.CLOSED: True},
    "Cancelled": {Type.CLOSED: True},
}
"""The conditions that entering a phase sets; the others stay as they are."""


def target(phase: Phase, trigger: Trigger) -> Phase | None:
    """The phase that the trigger leads to, or None where it is not legal and changes nothing."""
    found = (t.target for t in TRANSITIONS if phase in t.sources and t.trigger == trigger)
    return next(found, None)


def phase_of(conditions: Sequence[Condition]) -> Phase:
    """The phase that the conditions amount to."""
    closed = find(conditions, Type.CLOSED)
    if closed is not None and closed.status == "True":
        return "Cancelled" if closed.reason == Reason.CANCELLED else "Closed"
    if is_true(conditions, Type.RESOLVED):
        return "Resolved"
    if is_true(conditions, Type.MITIGATED):
        return "Mitigated"
    if is_true(conditions, Type.ACKNOWLEDGED):
        return "Acknowledged"
    return "Triggered" if is_true(conditions, Type.ACCEPTED) else "Pending"


def mermaid() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> Pending: T1 created"]
    for row in TRANSITIONS:
        # A second colon on the line ends the label in Mermaid's grammar.
        words = row.trigger.replace(":", "")
        lines += [f"    {source} --> {row.target}: {row.number} {words}" for source in row.sources]
    lines += [f"    {phase} --> [*]" for phase in TERMINAL]
    return "\n".join(lines) + "\n"
