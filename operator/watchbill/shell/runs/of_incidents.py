"""What each run shows to the incident that it names, and which runbooks are for incidents at all."""

from collections import defaultdict
from datetime import datetime

from watchbill.api.incident import Incident
from watchbill.api.runbook import Runbook
from watchbill.api.runbook_run_status import Debt
from watchbill.core.mitigation import NOTHING, IncidentRun, Mitigation
from watchbill.shell.cache import Cache, ObjectKey, Raw

OFFERED = ("Suggest", "Auto")
"""How a runbook starts that an incident is told of."""


class RunsOfIncidents:
    """An index of runs by the incident that they name: an incident without any costs nothing."""

    def __init__(self, operator_user: str) -> None:
        self._operator_user = operator_user
        self._runs: defaultdict[tuple[str, str], dict[str, IncidentRun]] = defaultdict(dict)
        self._places: dict[tuple[str, str], tuple[str, str]] = {}

    def told(self, raw: Raw) -> ObjectKey | None:
        """Take note of a run as it is; the incident that must look since something has changed for it.

        One whose status nobody can read is not taken note of: it is told of where it is reconciled.
        """
        metadata = raw["metadata"]
        namespace, incident = metadata.get("namespace", ""), _named(raw, "incidentRef")
        if not incident:
            return None
        place = namespace, incident
        try:
            facts = self._facts(raw)
        except ValueError:
            return None
        known = self._runs[place].get(facts.name)
        self._runs[place][facts.name] = facts
        self._places[namespace, facts.name] = place
        matters = _matters(facts) or (known is not None and _matters(known))
        return ObjectKey("Incident", *place) if matters and known != facts else None

    def gone(self, namespace: str, name: str) -> None:
        """Forget a run that was deleted."""
        place = self._places.pop((namespace, name), None)
        if place is not None:
            self._runs[place].pop(name, None)
            if not self._runs[place]:
                del self._runs[place]

    def of(self, namespace: str, incident: str) -> tuple[IncidentRun, ...]:
        """The runs that name the incident, by name."""
        found = self._runs.get((namespace, incident))
        return tuple(found[name] for name in sorted(found)) if found else ()

    def _facts(self, raw: Raw) -> IncidentRun:
        metadata, status = raw["metadata"], raw.get("status") or {}
        by = str((raw.get("spec") or {}).get("requestedBy", ""))
        marks = status.get("phase") == "Succeeded" and status.get("marks") == "Mitigated"
        ended = datetime.fromisoformat(status["endedTime"]) if marks and "endedTime" in status else None
        return IncidentRun(
            name=metadata["name"],
            uid=metadata.get("uid", ""),
            runbook=_named(raw, "runbookRef"),
            incident_uid=status.get("incidentUID", ""),
            by_itself=by == self._operator_user,
            person=self._person(by, status),
            mitigated=ended,
            debt=tuple(Debt.model_validate(each) for each in status.get("debt") or ()),
        )

    def _person(self, by: str, status: Raw) -> str:
        """Who stands behind a run: who requested the outermost one, else who approved a step."""
        first = str((status.get("requesters") or [by])[-1])
        if first != self._operator_user:
            return first
        approvers = (user for step in status.get("steps") or () for user in step.get("approvedBy") or ())
        return str(next(approvers, ""))


class OfferedRunbooks:
    """The names of the runbooks that are suggested or start by themselves, by namespace."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._marks: dict[ObjectKey, tuple[str, int]] = {}

    def told(self, key: ObjectKey, raw: Raw) -> bool:
        """Take note of a runbook as it is; whether incidents must look since it is offered, or was."""
        metadata = raw["metadata"]
        mark = metadata.get("uid", ""), int(metadata.get("generation", 0))
        if self._marks.get(key) == mark:
            return False
        self._marks[key] = mark
        was = key.name in self._names.get(key.namespace, ())
        if (raw.get("spec") or {}).get("start") in OFFERED:
            self._names[key.namespace].add(key.name)
            return True
        return self.gone(key) if was else False

    def gone(self, key: ObjectKey) -> bool:
        """Forget a runbook that is not offered any more; whether it was."""
        names = self._names.get(key.namespace, set())
        was = key.name in names
        names.discard(key.name)
        if was and not names:
            del self._names[key.namespace]
        return was

    def deleted(self, key: ObjectKey) -> bool:
        """Forget a runbook that is gone; whether it was offered."""
        self._marks.pop(key, None)
        return self.gone(key)

    def of(self, namespace: str) -> tuple[Runbook, ...]:
        """The runbooks of a namespace that are offered, by name."""
        names = self._names.get(namespace)
        if not names:
            return ()
        found = (self._cache.read(Runbook, namespace, name) for name in sorted(names))
        return tuple(each for each in found if each is not None)


def around(
    incident: Incident, runs: RunsOfIncidents, books: OfferedRunbooks, is_complete: bool
) -> Mitigation:
    """What an incident's decision may know, but for what keeps runs from being created."""
    namespace = incident.metadata.namespace or ""
    offered, made = books.of(namespace), runs.of(namespace, incident.metadata.name)
    if not offered and not made and is_complete:
        return NOTHING
    return Mitigation(runbooks=offered, runs=made, is_complete=is_complete)


def _named(raw: Raw, field: str) -> str:
    return str(((raw.get("spec") or {}).get(field) or {}).get("name", ""))


def _matters(run: IncidentRun) -> bool:
    return run.by_itself or run.mitigated is not None or bool(run.debt)
