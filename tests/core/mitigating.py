"""Runs and runbooks around a simulated incident."""

from datetime import datetime, timedelta
from typing import Any

from tests.support.builders import T0, UID, incident_class
from tests.support.simulate import Simulation
from watchbill.api.runbook import Runbook
from watchbill.api.runbook_run_status import Debt
from watchbill.core.mitigation import IncidentRun, Mitigation, StartProblem

OPTIONAL = {"incident_class": incident_class(postmortem={"policy": "Optional"})}
"""A class whose incidents close by themselves, an hour after they were resolved."""


def run(name: str = "run-1", **facts: Any) -> IncidentRun:
    """A run for the incident that ana requested."""
    known = {"uid": f"u-{name}", "runbook": "book", "incident_uid": UID, "person": "ana"}
    return IncidentRun(name, **(known | facts))


def debt(step: str = "flip", owner: str = "ana", after: timedelta = timedelta(hours=24)) -> Debt:
    """A flag that a step turned off for a while."""
    return Debt(
        step=step,
        what="flag cart is off",
        undo=f"the undo of step {step}",
        owner=owner,
        expires_time=T0 + after,
    )


def book(name: str = "book", start: str = "Suggest", match: Any = None, **spec: Any) -> Runbook:
    """A runbook that changes nothing and needs nobody."""
    steps = [{"name": "look", "manual": {"text": "look at it"}}]
    body = {"title": f"Do {name}", "serviceAccountName": "responder", "steps": steps, "start": start}
    return Runbook.model_validate(
        {
            "metadata": {"name": name, "namespace": "shop", "uid": f"b-{name}", "generation": 1},
            "spec": body | ({"match": match} if match else {}) | spec,
        }
    )


def sees(
    told: Simulation,
    *runs: IncidentRun,
    books: tuple[Runbook, ...] = (),
    problems: dict[str, StartProblem] | None = None,
    complete: bool = True,
) -> None:
    """From now on these are around the incident."""
    told.alter(mitigation=Mitigation(books, runs, problems or {}, complete))


def moment(told: Simulation) -> datetime:
    """Now, as the simulation has it."""
    return told.now
