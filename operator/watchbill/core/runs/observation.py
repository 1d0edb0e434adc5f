"""Everything that one decision on a run may know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from watchbill.api.incident import Incident
from watchbill.api.runbook import Runbook
from watchbill.api.runbook_run import RunbookRun
from watchbill.api.runbook_run_status import ENDED, Lock


@dataclass(frozen=True, slots=True)
class OtherRun:
    """Another run of the namespace."""

    name: str
    uid: str
    runbook: str
    phase: str = ""
    lock: Lock | None = None
    started: datetime | None = None
    """When it first acted."""
    ended: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.phase in ENDED


@dataclass(frozen=True, slots=True)
class RunObservation:
    """The run and everything around it that matters, as last seen."""

    run: RunbookRun
    runbook: Runbook | None = None
    incident: Incident | None = None
    parent: RunbookRun | None = None
    others: tuple[OtherRun, ...] = ()
    others_time: datetime | None = None
    """When the API server was last asked for all runs of the namespace, before the answer."""
    pause: str = ""
    """Why no step of any run starts; empty where they do."""
    operator_user: str = ""
    """The user name under which the operator requests runs by itself."""
    holder: str = ""
    """The identity under which this process claims; a process that is started anew must have another."""
    in_flight: frozenset[tuple[str, str]] = frozenset()
    """(key, action) of the effects that this process is performing now."""
    foreign_claims: Mapping[str, datetime] = field(default_factory=dict)
    """When this process first saw each claim that another process holds, by key."""
