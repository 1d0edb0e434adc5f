"""What a decision on an incident may know of runbooks and of the runs that were made for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from watchbill.api.runbook import Runbook
from watchbill.api.runbook_run_status import Debt


@dataclass(frozen=True, slots=True)
class IncidentRun:
    """A RunbookRun that names the incident."""

    name: str
    uid: str
    runbook: str
    incident_uid: str = ""
    """The UID of the incident that it was taken on for; empty before it was."""
    by_itself: bool = False
    """Whether the operator requested it."""
    person: str = ""
    """Who stands behind it: who requested it or, where the operator did, who approved a step of it."""
    mitigated: datetime | None = None
    """When it succeeded, where a step of it that worked marks the incident as Mitigated."""
    debt: tuple[Debt, ...] = ()
    """What it changed for a while and has not taken back."""


@dataclass(frozen=True, slots=True)
class StartProblem:
    """Why a run that starts by itself could not be created, and when that is tried again."""

    message: str
    next_time: datetime


@dataclass(frozen=True, slots=True)
class StartRun:
    """Create the run of a runbook that starts by itself; its name is its key, so that there is one."""

    namespace: str
    incident: str
    runbook: str
    run: str


@dataclass(frozen=True, slots=True)
class Mitigation:
    """The runbooks and the runs around an incident, as last seen."""

    runbooks: tuple[Runbook, ...] = ()
    """Those of the namespace that are suggested or start by themselves, by name."""
    runs: tuple[IncidentRun, ...] = ()
    """Those that name the incident and matter to it, by name."""
    problems: Mapping[str, StartProblem] = field(default_factory=dict)
    """By the name of the run."""
    is_complete: bool = True
    """Whether all runbooks and runs have been listed: what is not seen is not there."""

    def of(self, uid: str) -> Iterator[IncidentRun]:
        """The runs that were taken on for the incident of this UID."""
        return (run for run in self.runs if run.incident_uid == uid)


NOTHING = Mitigation()
"""No runbook is for any incident, and no run was made for this one."""
