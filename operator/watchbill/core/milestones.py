"""How long people took: each milestone of an incident is measured when it is reached for the first time."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from watchbill.api.incident import Incident
from watchbill.api.incident_status import FrozenClass, IncidentStatus, Times
from watchbill.core import severity

UNKNOWN = "unknown"
"""What stands for a class that is not there, and for a severity that the class does not have."""

MILESTONES = ("acknowledged", "mitigated", "resolved")
"""What is measured: each is a time of the status, and a histogram."""


REOPENED = "reopened"
"""What is counted each time: that it was resolved and is back."""


class Milestone(NamedTuple):
    """That an incident was acknowledged, mitigated or resolved for the first time, or was reopened."""

    name: str
    time: datetime
    seconds: float
    """Since the incident was created; never less than 0."""
    incident_class: str
    severity: str
    """As it was worked at when the milestone was reached."""


def milestones(incident: Incident, status: IncidentStatus) -> Iterator[Milestone]:
    """What a live incident has reached by this status and had not by its own; nothing of a drill.

    Times never go back to none, so a reopened incident reaches nothing for a second time.
    """
    created = incident.metadata.creation_timestamp
    if incident.spec.mode != "Live" or created is None:
        return
    before = incident.status
    for name in (*MILESTONES, REOPENED):
        time = _time_of(status.times, name)
        is_new = _time_of(before.times, name) is None
        if name == REOPENED:
            is_new = status.reopen_count > before.reopen_count
        if time is not None and is_new:
            seconds = max((time - created).total_seconds(), 0.0)
            yield Milestone(name, time, seconds, *_labels(status.frozen_class, status.severity))


def _time_of(times: Times, name: str) -> datetime | None:
    found: datetime | None = getattr(times, f"{name}_time")
    return found


def _labels(frozen: FrozenClass | None, name: str) -> tuple[str, str]:
    """The class and the severity in words of which there are only as many as in the classes."""
    if frozen is None:
        return UNKNOWN, UNKNOWN
    return frozen.name, name if severity.is_known(frozen, name) else UNKNOWN
