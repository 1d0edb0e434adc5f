"""`kubectl watchbill` before a fake kubectl, and the incidents that it tells of."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from watchbill.cli.plugin.main import app

NOW = "2026-03-09T03:00:00Z"


@dataclass
class World:
    """The objects that the fake kubectl knows, and what it was asked."""

    folder: Path

    def types(self, *words: str, answers: str | None = None) -> Result:
        """What `kubectl watchbill` answered, through a pipe; `answers` is what a person then typed."""
        return CliRunner().invoke(app, list(words), input=answers)

    def has(self, *things: Any) -> None:
        """These objects are there too, of whatever kind."""
        named = {f"{each['kind'].lower()}s.watchbill.dev/{each['metadata']['name']}": each for each in things}
        self.save("objects", self.objects() | named)

    def holds(self, **objects: Any) -> None:
        """These objects are there, by name: incidents, each a spec and a status."""
        self.save("objects", {f"incidents.watchbill.dev/{name}": each for name, each in objects.items()})

    def fails(self, **faults: list[str]) -> None:
        """The next calls of these verbs end so; an empty word lets one pass."""
        self.save("faults", faults)

    def becomes(self, *statuses: Any) -> None:
        """An incident that is read has these statuses, one after the other; the last one stays."""
        self.save("statuses", statuses)

    def shows(self, *versions: Any) -> None:
        """A watch tells these versions, and then the server ends it."""
        self.save("versions", versions)

    def object(self, name: str, kind: str = "incidents") -> Any:
        """The object as it is now."""
        return self.objects()[f"{kind}.watchbill.dev/{name}"]

    def objects(self) -> Any:
        """All objects as they are now."""
        path = self.folder / "objects.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def calls(self, verb: str) -> list[list[str]]:
        """The arguments of every call of a verb."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [call for call in map(json.loads, lines) if verb in call]

    def save(self, name: str, content: Any) -> None:
        """Write a file that the fake kubectl reads."""
        (self.folder / f"{name}.json").write_text(json.dumps(content))


def incident(name: str = "x", spec: Any = None, observed: bool = True, **status: Any) -> Any:
    """An incident as the API server would return it: triggered, with primary open, unless said otherwise."""
    escalation = {"epoch": 1, "state": "Waiting", "round": 1, "level": "primary", "openedTime": NOW}
    seen = {"phase": "Triggered", "observedGeneration": 1 if observed else 0, "escalation": escalation}
    return {
        "apiVersion": "watchbill.dev/v1alpha1",
        "kind": "Incident",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": "uid-1",
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": NOW,
        },
        "spec": {"title": "Checkout fails", "severity": "SEV-1", "setBy": {"declaration": "bo"}}
        | (spec or {}),
        "status": seen | status,
    }


def book(name: str = "roll-back", *steps: Any, ready: str = "True", **spec: Any) -> Any:
    """A runbook as the API server would return it: one step of High risk, unless said otherwise."""
    condition = {"type": "Ready", "status": ready, "reason": "Valid", "message": "look at step 1"}
    return {
        "apiVersion": "watchbill.dev/v1alpha1",
        "kind": "Runbook",
        "metadata": _metadata(name),
        "spec": {"title": "Roll back", "steps": list(steps) or [{"name": "act", "kubernetes": {}}]} | spec,
        "status": {"observedGeneration": 1, "conditions": [condition]},
    }


def run(name: str = "run-1", spec: Any = None, **status: Any) -> Any:
    """A run of `roll-back` that bo requested, as the API server would return it."""
    return {
        "apiVersion": "watchbill.dev/v1alpha1",
        "kind": "RunbookRun",
        "metadata": _metadata(name),
        "spec": {"runbookRef": {"name": "roll-back"}, "requestedBy": "bo"} | (spec or {}),
        "status": status,
    }


def _metadata(name: str) -> Any:
    stamps = {"resourceVersion": "1", "generation": 1, "creationTimestamp": NOW}
    return {"name": name, "namespace": "shop", "uid": f"uid-{name}", **stamps}
