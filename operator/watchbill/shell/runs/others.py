"""What each run shows to the other runs of its namespace, kept in memory of all of them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from watchbill.api.runbook_run_status import Lock
from watchbill.core.runs.observation import OtherRun
from watchbill.shell.cache import Raw


@dataclass(frozen=True, slots=True)
class Seen:
    """One run, as the others see it."""

    facts: OtherRun
    incident: str
    """The incident that it waits for to be taken on; empty where it does not."""


class Others:
    """All runs by namespace and name, those that have ended included: a cooldown counts from their end."""

    def __init__(self) -> None:
        self._runs: defaultdict[str, dict[str, Seen]] = defaultdict(dict)

    def told(self, raw: Raw) -> bool:
        """Take note of a run as it is; whether something of it has changed that others wait for.

        One whose status nobody can read is not taken note of: it is told of where it is reconciled.
        """
        spec, status = raw.get("spec") or {}, raw.get("status") or {}
        try:
            facts = _facts(raw)
        except ValueError:
            return False
        waits = "snapshot" not in status and not facts.is_over
        incident = str((spec.get("incidentRef") or {}).get("name", "")) if waits else ""
        names = self._runs[raw["metadata"].get("namespace", "")]
        known = names.get(facts.name)
        names[facts.name] = Seen(facts, incident)
        return known is None or _mark(known.facts) != _mark(facts)

    def gone(self, namespace: str, name: str) -> None:
        """Forget a run that was deleted."""
        self._runs[namespace].pop(name, None)

    def around(self, namespace: str, uid: str) -> tuple[OtherRun, ...]:
        """The other runs of a namespace, by name."""
        names = self._runs.get(namespace, {})
        return tuple(names[name].facts for name in sorted(names) if names[name].facts.uid != uid)

    def going_on(self, namespace: str, runbook: str = "") -> list[str]:
        """The names of the runs of a namespace, be it of one runbook, that have not ended."""
        found = (seen.facts for seen in self._runs.get(namespace, {}).values())
        return sorted(
            each.name for each in found if not each.is_over and (not runbook or each.runbook == runbook)
        )

    def waiting_for(self, namespace: str, incident: str) -> list[str]:
        """The names of the runs that have not been taken on, and are for this incident."""
        runs = self._runs.get(namespace, {})
        return sorted(name for name, seen in runs.items() if incident and seen.incident == incident)


def _facts(raw: Raw) -> OtherRun:
    """What others ask of a run; read without the rest of it, which may be long."""
    metadata, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    return OtherRun(
        metadata["name"],
        metadata.get("uid", ""),
        (spec.get("runbookRef") or {}).get("name", ""),
        status.get("phase", ""),
        Lock.model_validate(status["lock"]) if "lock" in status else None,
        _moment(status.get("startedTime")),
        _moment(status.get("endedTime")),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _mark(run: OtherRun) -> tuple[object, ...]:
    return run.uid, run.is_over, run.lock, run.started
